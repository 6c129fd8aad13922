import sst
from sst import aws


def config(input: sst.AppInput) -> dict[str, object]:
    return {"name": "web-app"}


def run() -> dict[str, object]:
    api = aws.ApiGatewayV2("Api")
    own = api.add_authorizer("Own", function={"function": "app/auth.handler"})
    api.route("GET /open", "app/auth.show")
    api.route("GET /own", "app/auth.show", auth={"lambda": own.id})
    api.route("GET /iam", "app/auth.show", auth={"iam": True})
    api.route("ANY /web/{proxy+}", "app/main:app")
    web = aws.Function("Web", handler="app/main:app", url=True, streaming=True)
    node = aws.Function("Node", handler="app/node.handler", url={"cors": {"allow_origins": ["https://a.example"]}},
                        link=[sst.Linkable("Long-Name", properties={"it": "äöü"}),
                              sst.Linkable("Plain", properties={"n": 1})])
    return {"api": api.url, "web": web.url, "node": node.url}
