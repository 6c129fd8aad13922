import asyncio
import time

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", DEBUG=False, SECURE_PROXY_SSL_HEADER=(
    "HTTP_X_FORWARDED_PROTO", "https"), LOGGING_CONFIG=None)
django.setup()


def item(request, name):
    event = request.scope["aws.event"] if hasattr(request, "scope") else request.environ["aws.event"]
    return JsonResponse({"name": name, "query": request.META["QUERY_STRING"], "session": request.COOKIES.get("session"),
                         "url": request.build_absolute_uri(),
                         "link": request.build_absolute_uri(reverse("item", args=["n"])),
                         "client": request.META["REMOTE_ADDR"], "event": event.get("version")})


@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"name": file.name, "size": len(file.read())})


def picture(request):
    return HttpResponse(b"\x89PNG\r\n", content_type="image/png")


def cookies(request):
    response = JsonResponse({})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


def fail(request):
    raise ValueError("boom")


def events(request):
    def parts():
        for n in range(4):
            yield f"data: {n}\n\n"
            time.sleep(0.1)

    async def parts_async():
        for n in range(4):
            yield f"data: {n}\n\n"
            await asyncio.sleep(0.1)

    return StreamingHttpResponse(parts_async() if hasattr(request, "scope") else parts(),
                                 content_type="text/event-stream")


urlpatterns = [path("items/<path:name>", item, name="item"), path("upload", upload), path("picture", picture),
               path("cookies", cookies),
               path("fail", fail), path("events", events)]
asgi, wsgi = get_asgi_application(), get_wsgi_application()
