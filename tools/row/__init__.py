"""Drafts a row of the AWS table from botocore's model of a service, and from the CloudFormation schema of the type."""
