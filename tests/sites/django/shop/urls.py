from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import path

from .models import Item
from .tasks import make_thumbnail

VERSION = 1


def home(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        item = Item.objects.create(name=request.POST["name"], picture=request.FILES.get("picture", ""))
        make_thumbnail.enqueue(item.pk)
        return HttpResponseRedirect(".")
    return render(request, "home.html", {"items": Item.objects.order_by("pk"), "version": VERSION})


def items(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"items": list(Item.objects.values("name", "thumbnails")), "secure": request.is_secure(),
                         "url": request.build_absolute_uri(), "version": VERSION})


urlpatterns = [path("", home), path("items", items), path("admin/", admin.site.urls)]
