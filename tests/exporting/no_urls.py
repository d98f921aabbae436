"""The addresses of a site that does not include those of the exports."""

urlpatterns = []
