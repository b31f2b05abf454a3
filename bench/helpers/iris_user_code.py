"""The user's code of the iris pipeline and nothing else: its four functions, called one after the other in one interpreter that
has loaded what they import. iris_user_code.py PIPELINE.py FOLDER. Prints the seconds.
"""
import importlib.util
import os
import sys
import time

import joblib  # noqa: F401  (loaded, so that the functions find it loaded)
import pandas  # noqa: F401
import sklearn.datasets  # noqa: F401
import sklearn.ensemble  # noqa: F401
import sklearn.metrics  # noqa: F401
import sklearn.model_selection  # noqa: F401
from kfp.dsl import Dataset, Metrics, Model


def main(source, folder):
    found = importlib.util.spec_from_file_location("pipeline", source)
    pipeline = importlib.util.module_from_spec(found)
    found.loader.exec_module(pipeline)
    data, good = Dataset(uri=os.path.join(folder, "data")), Dataset(uri=os.path.join(folder, "good"))
    model, metrics = Model(uri=os.path.join(folder, "model")), Metrics(uri=os.path.join(folder, "metrics"))
    begin = time.monotonic()
    pipeline.load_data.python_func(output_data=data)
    pipeline.validate_data.python_func(input_data=data, validated_data=good)
    pipeline.train_model.python_func(input_data=good, n_estimators=100, max_depth=10, output_model=model, metrics=metrics)
    assert pipeline.validate_model.python_func(model=model, metrics=metrics, min_accuracy=0.9)
    return time.monotonic() - begin


print(main(*sys.argv[1:]))
