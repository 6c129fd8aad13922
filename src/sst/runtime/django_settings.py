"""The settings module of a Django project behind sst: the project's own, and what links and CDN add."""
import os
from importlib import import_module

from .django import configure

globals().update({k: v for k, v in vars(import_module(os.environ["SST_DJANGO_SETTINGS"])).items() if k.isupper()})
configure(globals())
