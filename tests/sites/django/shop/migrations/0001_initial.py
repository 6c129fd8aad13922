from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.CreateModel("Item", [
        ("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=100)),
        ("picture", models.FileField(upload_to="pictures", blank=True)),
        ("thumbnails", models.IntegerField(default=0))])]
