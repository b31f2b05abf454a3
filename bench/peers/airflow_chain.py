"""The chain of 40 in Airflow: airflow_chain.py test | standalone. Prints the seconds.

test: DAG.test(), in this process, the second run of two. standalone: `airflow standalone` (scheduler, LocalExecutor, API server,
a process a task), from the moment the run was queued to its end, as Airflow's own database says; its start is not counted.
"""
import contextlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(HERE / "airflow_dags")
DATABASE = pathlib.Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"
AIRFLOW = [sys.executable, "-m", "airflow"]


def ask(question, *values):
    with contextlib.closing(sqlite3.connect(DATABASE, timeout=60)) as database:
        return database.execute(question, values).fetchall()


def until(look, what, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.OperationalError):  # the tables are being made
            found = look()
            if found:
                return found
        time.sleep(0.1)
    raise SystemExit(f"no {what} after {seconds} s")


def test():
    sys.path.insert(0, str(HERE / "airflow_dags"))
    from chain import chain
    seconds = 0.0
    for _ in range(2):
        begin = time.monotonic()
        assert chain.test().state == "success"
        seconds = time.monotonic() - begin
    return seconds


def standalone():
    with open(DATABASE.parent / "standalone.log", "wb") as log:
        child = subprocess.Popen([*AIRFLOW, "standalone"], stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: ask("select 1 from serialized_dag where dag_id = 'chain'"), "DAG")
        subprocess.run([*AIRFLOW, "dags", "unpause", "chain"], check=True, capture_output=True)
        subprocess.run([*AIRFLOW, "dags", "trigger", "chain"], check=True, capture_output=True)
        state, seconds = until(lambda: ask(
            "select state, (julianday(end_date) - julianday(queued_at)) * 86400 from dag_run "
            "where dag_id = 'chain' and state in ('success', 'failed') and queued_at is not null"), "end of the run")[0]
        assert state == "success", state
        return seconds
    finally:
        child.send_signal(signal.SIGINT)  # as Ctrl-C: it ends the processes that it has started, which are no group
        child.wait(timeout=60)


if __name__ == "__main__":
    if sys.argv[1] == "standalone":
        print(standalone())
    else:
        subprocess.run([*AIRFLOW, "db", "migrate"], check=True, capture_output=True)
        print(test())
