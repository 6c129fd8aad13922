"""ACM: https://docs.aws.amazon.com/acm/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["Certificate", "CertificateValidation"]

KEYS = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]


class Certificate(AwsResource, type="aws.acm.Certificate", service="acm"):
    """A certificate, proved through DNS: make a CNAME record ``record_name`` → ``record_value``."""

    domain_name: Arg[str] = prop(replace=True)
    alternative_names: Arg[Sequence[str]] = prop("SubjectAlternativeNames", default=None, replace=True, read="")
    validation_method: Arg[str] = prop(default="DNS", replace=True, read="")
    key_algorithm: Arg[str] = prop(default=None, replace=True, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("CertificateArn || Certificate.CertificateArn")
    record_name: Output[str] = out("Certificate.DomainValidationOptions[0].ResourceRecord.Name")
    record_value: Output[str] = out("Certificate.DomainValidationOptions[0].ResourceRecord.Value")

    records: Output[list[dict[str, str]]] = out("Certificate.DomainValidationOptions[].ResourceRecord")
    """A record for each name: ``{"Name", "Type", "Value"}``."""

    identity = "tag"
    identifier = "$arn"
    # a token holds for an hour: if the answer is lost, we look
    create = call("request_certificate", IdempotencyToken="$token")
    read = call("describe_certificate", CertificateArn="$id")
    find = call("list_certificates", Includes={"keyTypes": KEYS})
    list_path = "CertificateSummaryList"
    response_root = "Certificate"
    read_back = True
    ready = "Certificate.DomainValidationOptions[0].ResourceRecord"
    listing = Listing("list_certificates", "CertificateSummaryList[].{arn: CertificateArn}", ("NextToken", "NextToken"),
                      {"Includes": {"keyTypes": KEYS}}, call("list_tags_for_certificate", CertificateArn="$arn"),
                      "$arn",
                      order=1)
    imports = Import("aws_acm_certificate", "{arn}")
    delete = call("delete_certificate", CertificateArn="$arn", retry=("ResourceInUseException",),
                  patience=1800, idempotent=True)
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("add_tags_to_certificate", CertificateArn="$arn", Tags="$tags"),
                      remove=call("remove_tags_from_certificate", CertificateArn="$arn", Tags="$tag_list"),
                      show=call("list_tags_for_certificate", CertificateArn="$arn"))


class CertificateValidation(AwsResource, type="aws.acm.CertificateValidation", service="acm"):
    """Waits until a certificate is issued."""

    certificate_arn: Arg[str] = prop(replace=True)

    identity = "once"
    identifier = "$certificate_arn"
    create = call("describe_certificate", CertificateArn="$certificate_arn", wait="certificate_validated",
                  wait_on={"CertificateArn": "$certificate_arn"},
                  idempotent=True)
    read = call("describe_certificate", CertificateArn="$certificate_arn")
    response_root = "Certificate"
    not_found_codes = ("ResourceNotFoundException",)
