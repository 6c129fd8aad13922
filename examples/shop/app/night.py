"""Starts the report."""
from sst import Resource, task


def handler(event: dict, context: object) -> dict:
    return task.run(Resource.Report)
