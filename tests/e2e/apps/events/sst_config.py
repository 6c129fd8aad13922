import json

import sst
from sst import aws

policy = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="events", removal="remove")


def stacks(app: sst.App) -> None:
    bucket, rows, jobs = app.stack(data, size="small" if app.stage == "local" else "large")
    app.stack(spelled, bucket, rows)
    app.stack(callers, bucket, rows, jobs)
    app.stack(heard, rows)


def data(stack: sst.Stack, size: str) -> tuple[aws.Bucket, aws.Dynamo, aws.Queue]:
    rows = aws.Dynamo("Rows", fields={"id": "string"}, primary_index={"hash_key": "id"}, stream="new-and-old-images")
    dead = aws.Queue("Dead")
    jobs = aws.Queue("Jobs", dlq={"queue": dead, "retry": 1}, visibility_timeout="5 seconds")
    jobs.subscribe({"handler": "src/handlers.queue", "link": [rows], "timeout": "5 seconds",
                    "environment": {"SIZE": size}},
                   filters=[{"body": {"kind": ["wanted"]}}], batch={"partial_responses": True})
    rows.subscribe("Follow", {"handler": "src/handlers.stream", "link": [rows]},
                   filters=[{"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "first"}]}}}}])
    first = aws.Queue("InOrder", fifo=True)
    aws.Function("Fifo", handler="src/handlers.fifo", link=[first, aws.Queue.get("Same", first.url)])
    return aws.Bucket("MyBucket"), rows, jobs


def spelled(stack: sst.Stack, bucket: aws.Bucket, rows: aws.Dynamo) -> dict[str, object]:
    aws.Function("MyFunction", handler="src/lambda.handler", timeout="3 minutes", memory="1024 MB")
    aws.Cron("MyCron", schedule="rate(1 minute)", job="src/cron.handler")
    bucket.subscribe({"handler": "src/trigger.handler", "link": [rows]}, events=["s3:ObjectCreated:*"])
    f = aws.Function("F", handler="src/lambda.handler",
                     transform={"role": lambda args: {"name": f"{args['name']}-CustomRole",
                                                      "assume_role_policy": policy}})
    return {"role": f.nodes.role.name, "text": json.dumps({"quoted": f"{bucket.name} \"ä\""})}


def heard(stack: sst.Stack, rows: aws.Dynamo) -> None:
    orders, events, audit = aws.SnsTopic("Orders"), aws.Bus("Events"), aws.Queue("Audit")
    events_of_the_account = aws.Bus.get("Account", "default")
    hears = {"handler": "src/handlers.hear", "link": [rows]}
    orders.subscribe("Ship", hears, filter={"kind": ["paid"]})
    orders.subscribe_queue("Audit", audit, filter={"total": [{"numeric": [">", 100]}]}, filter_on="body", raw=True)
    events.subscribe("Ship", hears, pattern={"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})
    events.subscribe_queue("Audit", audit, pattern={"detail_type": ["order.returned"]})
    aws.Function("Publisher", handler="src/handlers.publish", link=[orders, events])
    lost = aws.SnsTopic("Lost")
    lost.subscribe("Note", {"handler": "src/handlers.lost", "link": [rows]})
    mail = aws.Email("Mail", sender="example.com", mail_from={"domain": "bounce.example.com"},
                     events=[{"name": "Lost", "types": ["bounce", "complaint"], "topic": lost},
                             {"name": "Sent", "types": ["send"], "bus": events_of_the_account.arn}])
    events_of_the_account.subscribe("Mails", hears, pattern={"source": ["aws.ses"]})
    aws.Function("Mailer", handler="src/handlers.mail", link=[mail])


def callers(stack: sst.Stack, bucket: aws.Bucket, rows: aws.Dynamo, jobs: aws.Queue) -> None:
    aws.Function("Reader", handler="src/handlers.write", link=[bucket.link(access="read")])
    aws.Function("Writer", handler="src/handlers.write", link=[bucket])
    aws.Function("Stranger", handler="src/handlers.write", environment={"BUCKET": bucket.name})
    aws.Function("Sender", handler="src/handlers.send", link=[jobs, rows])
    many = [sst.Linkable(f"Big{i}", properties={"text": "x" * 500}) for i in range(9)]
    aws.Function("Secretive", handler="src/handlers.secret", link=[sst.Secret("Token"), *many])
