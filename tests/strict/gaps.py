"""Rows that moto can't hold, and why: they live over the emulator of stage ``local`` alone. The list only gets
shorter: ``docs/strict_cloud.md`` shows it, and a row that moto has learned to hold fails its test until it is taken
from here."""

from __future__ import annotations

__all__ = ["MOTO_GAPS"]

MOTO_GAPS: dict[str, str] = {
    "aws.apigatewayv2.ApiMapping": "UpdateApiMapping is not implemented",
    "aws.apigatewayv2.Authorizer": "GetAuthorizers is not implemented",
    "aws.apigatewayv2.DomainName": "the answer of CreateDomainName has no ApiGatewayDomainName and no HostedZoneId",
    "aws.apigatewayv2.Stage": "GetTags and UpdateStage are not implemented for stages",
    "aws.applicationautoscaling.ScalableTarget": "a service of ECS can't be made",
    "aws.applicationautoscaling.ScalingPolicy": "a service of ECS can't be made",
    "aws.appsync.Api": "UpdateApi is not implemented",
    "aws.appsync.ChannelNamespace": "GetChannelNamespace is not implemented",
    "aws.cloudfront.AccountCachePolicy": "CreateCachePolicy is not implemented",
    "aws.cloudfront.CachePolicy": "CreateCachePolicy is not implemented",
    "aws.cloudfront.Distribution": "CreateDistribution with the same reference again is refused",
    "aws.cloudfront.Function": "PublishFunction is not implemented",
    "aws.cloudfront.Invalidation": "CreateInvalidation with the same reference again makes another",
    "aws.cloudfront.OriginAccessControl": "DeleteOriginAccessControl fails where it is gone",
    "aws.cloudfront.OriginRequestPolicy": "CreateOriginRequestPolicy is not implemented",
    "aws.cloudfront.ResponseHeadersPolicy": "CreateResponseHeadersPolicy is not implemented",
    "aws.dynamodb.Table": "a stream can't be enabled again after it was disabled",
    "aws.ec2.VpcEndpoint": "DeleteVpcEndpoints fails where the endpoint is gone",
    "aws.ecs.Service": "CreateService answers with an internal error",
    "aws.elbv2.ListenerRule": "SetRulePriorities refuses the priority that a rule has already",
    "aws.events.EventBus": "UpdateEventBus is not implemented",
    "aws.iam.InstanceProfileRole": "RemoveRoleFromInstanceProfile fails where the role is not in it",
    "aws.efs.FileSystem": "UpdateFileSystem is not implemented",
    "aws.elasticache.ParameterGroup": "CreateCacheParameterGroup is not implemented",
    "aws.elasticache.ReplicationGroup": "ModifyReplicationGroup is not implemented, nor are its parameter groups",
    "aws.elasticache.SubnetGroup": "ModifyCacheSubnetGroup is not implemented",
    "aws.lambda.EventInvokeConfig": "a second PutFunctionEventInvokeConfig does not replace the first",
    "aws.lambda.LayerVersion": "GetLayerVersionByArn is not implemented",
    "aws.lambda.ProvisionedConcurrency": "PutProvisionedConcurrencyConfig is not implemented",
    "aws.migration.Run": "functions run in Docker alone",
    "aws.migration.TaskRun": "RunTask answers with an internal error",
    "aws.opensearch.Domain": "UpgradeDomain is not implemented",
    "aws.rds.ClusterParameterGroup": "ResetDBClusterParameterGroup is not implemented",
    "aws.rds.HttpEndpoint": "EnableHttpEndpoint is not implemented",
    "aws.rds.ParameterGroup": "ResetDBParameterGroup is not implemented",
    "aws.rds.Proxy": "ModifyDBProxy without Auth fails",
    "aws.rds.SubnetGroup": "a subnet group is gone once it was changed",
    "aws.sesv2.ConfigurationSet": "PutConfigurationSetDeliveryOptions and its sisters are not implemented",
    "aws.sesv2.EmailIdentity": "PutEmailIdentityConfigurationSetAttributes is not implemented",
    "aws.sesv2.EventDestination": "CreateConfigurationSetEventDestination is not implemented",
    "aws.sesv2.IdentityVerification": "an identity is never verified",
    "aws.sesv2.MailFrom": "PutEmailIdentityMailFromAttributes is not implemented",
    "aws.s3.Bucket": "tags that are given to CreateBucket are dropped",
}
