"""The one behavior of distributions whose edge function chooses the origin."""
from __future__ import annotations

from typing import Any

from ...core.output import Input

__all__ = ["ALL_BUT_HOST", "CACHING", "CACHING_DISABLED", "METHODS", "PLACEHOLDER", "routed"]

CACHING = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""AWS's policy CachingOptimized.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's policy CachingDisabled; the same page."""
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""AWS's policy AllViewerExceptHostHeader.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html"""
PLACEHOLDER = "placeholder.sst.dev"
"""The origin that a distribution must have, and that no request goes to."""
ERRORS = [{"ErrorCode": status, "ErrorCachingMinTTL": 0, "ResponsePagePath": "", "ResponseCode": ""}
          for status in (404, 405, 414, 500, 501, 502, 503, 504)]
"""Without it an edge gives the error that one visitor got to all others, for 10 seconds.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html"""
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


def routed(domain: Input[str], *, request: Input[str], response: Input[str] | None,
           cache_policy: Input[str]) -> dict[str, Any]:
    """``origins``, ``default_cache_behavior`` and ``custom_error_responses`` of a ``Cdn``. ``domain`` is a host that no
    request goes to, since the function ``request`` (an ARN) sends each elsewhere."""
    functions = [{"EventType": "viewer-request", "FunctionARN": request}]
    if response is not None:
        functions.append({"EventType": "viewer-response", "FunctionARN": response})
    return {"origins": [{"Id": "default", "DomainName": domain, "CustomOriginConfig": {
                "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only",
                "OriginSslProtocols": ["TLSv1.2"], "OriginReadTimeout": 20}}],
            "default_cache_behavior": {
                "TargetOriginId": "default", "ViewerProtocolPolicy": "redirect-to-https", "Compress": True,
                "AllowedMethods": {"Items": METHODS, "CachedMethods": ["GET", "HEAD"]},
                "CachePolicyId": cache_policy, "OriginRequestPolicyId": ALL_BUT_HOST,
                "FunctionAssociations": functions},
            "custom_error_responses": ERRORS}
