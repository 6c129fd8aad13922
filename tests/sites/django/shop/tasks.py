from django_tasks import task

from .models import Item


@task()
def make_thumbnail(item_id: int) -> None:
    Item.objects.filter(pk=item_id).update(thumbnails=1)
