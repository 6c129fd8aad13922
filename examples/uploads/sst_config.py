"""Upload a picture through an API; a function makes a thumbnail, keeps a row and tells a queue."""
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    production = input.stage == "production"
    return sst.Config(
        name="uploads",
        region="eu-central-1" if production else "us-east-1",
        removal="retain" if production else "remove",
        protect=production,
    )


def stacks(app: sst.App) -> None:
    bucket, photos, done = app.stack(data)
    app.stack(web, bucket, photos, done)


def data(stack: sst.Stack) -> tuple[aws.Bucket, aws.Dynamo, aws.Queue]:
    """What is kept: pictures, a row for each, and a queue that tells when a thumbnail is ready."""
    bucket = aws.Bucket("Pictures")
    photos = aws.Dynamo("Photos", fields={"id": "string"}, primary_index={"hash_key": "id"})
    done = aws.Queue("Done", visibility_timeout="1 minute")

    bucket.subscribe(
        {"handler": "src/thumbnail.handler", "link": [bucket, photos, done.link(access="write")], "timeout": "1 minute",
         "environment": {"SIZE": "256" if stack.stage == "production" else "128"}},
        events=["s3:ObjectCreated:*"],
        filter_prefix="originals/",
    )
    done.subscribe({"handler": "src/announce.handler", "link": [photos]}, batch={"size": 5, "partial_responses": True})
    return bucket, photos, done


def web(stack: sst.Stack, bucket: aws.Bucket, photos: aws.Dynamo, done: aws.Queue) -> dict[str, object]:
    """What is reached from outside: the API, a Node function with an address of its own, and a nightly job."""
    token = sst.Secret("UploadToken", placeholder="let-me-in")

    api = aws.ApiGatewayV2("Api", link=[bucket, photos, token])
    api.route("POST /photos/{name}", "src/api.upload")
    api.route("GET /photos/{name}", "src/api.show")

    badge = aws.Function(
        "Badge",
        handler="functions/badge.handler",
        url=True,
        environment={"PHOTOS_URL": f"{api.url}/photos"},
        transform={"role": lambda args: {"name": f"{args['name']}-CustomRole", "description": "Runs the badge"}},
    )
    aws.Cron("Tidy", schedule="rate(1 hour)", job={"handler": "src/tidy.handler", "link": [photos]})
    return {"api": api.url, "badge": badge.url, "bucket": bucket.name}
