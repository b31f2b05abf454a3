"""Data to registry, with a gate before each hand-over: train only on good data, register only a good model."""
from components import load_data, register_model, train_model, validate_data, validate_model
from kfp import dsl


@dsl.pipeline(name="end-to-end-ml-pipeline", description="Validate, train, judge and register a model")
def ml_pipeline(
    data_version: str = "v1",
    n_estimators: int = 100,
    max_depth: int = 10,
    min_accuracy: float = 0.85,
    min_f1: float = 0.85,
    model_name: str = "classifier",
):
    loaded = load_data(data_version=data_version)
    data_is_good = validate_data(input_data=loaded.outputs["output_data"], min_rows=100)
    with dsl.Condition(data_is_good.outputs["Output"] == True):
        trained = train_model(
            input_data=data_is_good.outputs["validated_data"], n_estimators=n_estimators, max_depth=max_depth)
        model_is_good = validate_model(metrics=trained.outputs["metrics"], min_accuracy=min_accuracy, min_f1=min_f1)
        with dsl.Condition(model_is_good.output == True):
            register_model(
                model=trained.outputs["output_model"], metrics=trained.outputs["metrics"], model_name=model_name)
