"""Called every hour: says how many photos there are."""
import boto3

from sst import Resource


def handler(event, context):
    table = boto3.resource("dynamodb").Table(Resource.Photos.name)
    count = table.scan(Select="COUNT")["Count"]
    print(f"{count} photos on stage {Resource.App.stage}")
    return {"photos": count}
