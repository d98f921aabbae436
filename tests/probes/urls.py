"""A page that exists in the tests only, for links whose prefix is looked at."""

from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("probe/", lambda _request: HttpResponse("probe"), name="probe")]
