"""Tells three kinds of iris apart: load, validate, train, and judge the model. Stock kfp, nothing else."""
from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output


@dsl.component(base_image="python:3.11", packages_to_install=["pandas", "scikit-learn"])
def load_data(output_data: Output[Dataset]):
    """Writes the iris measurements as one CSV file; the kind of flower is the column `target`."""
    from sklearn.datasets import load_iris

    flowers = load_iris(as_frame=True).frame
    flowers.to_csv(output_data.path, index=False)


@dsl.component(base_image="python:3.11", packages_to_install=["pandas"])
def validate_data(input_data: Input[Dataset], validated_data: Output[Dataset]):
    """Hands the data on, unless it is too small, has holes, or lacks one of the three kinds."""
    import pandas as pd

    flowers = pd.read_csv(input_data.path)
    assert len(flowers) > 100, f"only {len(flowers)} rows"
    holes = int(flowers.isna().to_numpy().sum())
    assert holes == 0, f"{holes} values are missing"
    kinds = sorted(flowers["target"].unique())
    assert len(kinds) == 3, f"expected three kinds, found {kinds}"

    flowers.to_csv(validated_data.path, index=False)
    print(f"{len(flowers)} rows of {len(flowers.columns)} columns are good")


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
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import train_test_split

    flowers = pd.read_csv(input_data.path)
    features, target = flowers.drop(columns="target"), flowers["target"]
    seen, unseen, seen_target, unseen_target = train_test_split(features, target, test_size=0.2, random_state=42)

    forest = RandomForestClassifier(n_estimators=n_estimators, max_depth=max_depth, random_state=42).fit(seen, seen_target)
    answers = forest.predict(unseen)
    metrics.log_metric("accuracy", float(accuracy_score(unseen_target, answers)))
    metrics.log_metric("f1_score", float(f1_score(unseen_target, answers, average="weighted")))
    joblib.dump(forest, output_model.path)
    print(f"{n_estimators} trees: {metrics.metadata}")


@dsl.component(base_image="python:3.11")
def validate_model(model: Input[Model], metrics: Input[Metrics], min_accuracy: float) -> bool:
    """Is the model good enough?"""
    accuracy = metrics.metadata.get("accuracy", 0)
    good = accuracy >= min_accuracy
    print(f"accuracy {accuracy:.4f} is {'enough' if good else 'too low'}: at least {min_accuracy} was asked for")
    return good


@dsl.pipeline(name="ml-training-pipeline", description="Train and judge a classifier of irises")
def ml_pipeline(n_estimators: int = 100, max_depth: int = 10, min_accuracy: float = 0.9):
    loaded = load_data()
    validated = validate_data(input_data=loaded.outputs["output_data"])
    trained = train_model(
        input_data=validated.outputs["validated_data"], n_estimators=n_estimators, max_depth=max_depth)
    validate_model(
        model=trained.outputs["output_model"], metrics=trained.outputs["metrics"], min_accuracy=min_accuracy)
