"""The steps of the end-to-end pipeline. Each is a function with its imports inside, as kfp wants it."""
from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output


@dsl.component(base_image="python:3.11", packages_to_install=["pandas", "scikit-learn"])
def load_data(output_data: Output[Dataset], data_version: str = "v1"):
    """Makes a data set of two classes: 1,000 rows of ten features, five of which say something."""
    import pandas as pd
    from sklearn.datasets import make_classification

    features, target = make_classification(n_samples=1000, n_features=10, n_informative=5, random_state=42)
    rows = pd.DataFrame(features, columns=[f"feature_{i}" for i in range(features.shape[1])])
    rows["target"] = target
    rows.to_csv(output_data.path, index=False)
    print(f"data {data_version}: {len(rows)} rows of {len(rows.columns)} columns")


@dsl.component(base_image="python:3.11", packages_to_install=["pandas"])
def validate_data(input_data: Input[Dataset], validated_data: Output[Dataset], min_rows: int = 100) -> bool:
    """Answers whether the data is good, and hands it on only then."""
    import pandas as pd

    rows = pd.read_csv(input_data.path)
    checks = {
        "enough rows": len(rows) >= min_rows,
        "no holes": not rows.isna().to_numpy().any(),
        "a target": "target" in rows.columns,
    }
    for name, passed in checks.items():
        print(f"{name}: {'yes' if passed else 'no'}")
    good = all(checks.values())
    if good:
        rows.to_csv(validated_data.path, index=False)
    return bool(good)


@dsl.component(base_image="python:3.11", packages_to_install=["pandas", "scikit-learn", "joblib"])
def train_model(
    input_data: Input[Dataset],
    n_estimators: int,
    max_depth: int,
    output_model: Output[Model],
    metrics: Output[Metrics],
):
    """Grows a random forest on four fifths of the rows and measures it on the rest."""
    import joblib
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
    from sklearn.model_selection import train_test_split

    rows = pd.read_csv(input_data.path)
    features, target = rows.drop(columns="target"), rows["target"]
    seen, unseen, seen_target, unseen_target = train_test_split(features, target, test_size=0.2, random_state=42)

    forest = RandomForestClassifier(n_estimators=n_estimators, max_depth=max_depth, random_state=42).fit(seen, seen_target)
    answers = forest.predict(unseen)
    measured = {
        "accuracy": accuracy_score(unseen_target, answers),
        "f1_score": f1_score(unseen_target, answers),
        "auc": roc_auc_score(unseen_target, forest.predict_proba(unseen)[:, 1]),
        "n_estimators": n_estimators,
        "max_depth": max_depth,
    }
    for name, number in measured.items():
        metrics.log_metric(name, float(number))
    joblib.dump(forest, output_model.path)
    print(", ".join(f"{name} {number:.4g}" for name, number in measured.items()))


@dsl.component(base_image="python:3.11")
def validate_model(metrics: Input[Metrics], min_accuracy: float, min_f1: float) -> bool:
    """Is the model good enough, by both measures?"""
    good = True
    for name, least in {"accuracy": min_accuracy, "f1_score": min_f1}.items():
        number = metrics.metadata.get(name, 0)
        good = good and number >= least
        print(f"{name}: {number:.4f}, at least {least} was asked for")
    return bool(good)


@dsl.component(base_image="python:3.11", packages_to_install=["mlflow"])
def register_model(model: Input[Model], metrics: Input[Metrics], model_name: str):
    """Registers the model in the MLflow that MLFLOW_TRACKING_URI names, as a new version of `model_name`."""
    import pathlib
    import shutil
    import tempfile

    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "model.joblib")
        shutil.copy(model.path, file)
        mlflow.set_experiment("pipeline-models")
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(file), "model")
            mlflow.log_metrics(metrics.metadata)
        version = mlflow.register_model(f"runs:/{run.info.run_id}/model", model_name)
    print(f"{model_name} has a version {version.version}")
