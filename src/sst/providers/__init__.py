"""Low-level resources of every provider, by the provider's name: ``from sst.providers.aws import sqs``."""
