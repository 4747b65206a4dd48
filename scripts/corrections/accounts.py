"""Corrections of MiniStack for cloud-ministack.py: callers of another account, their buckets and their keys.

Across accounts the caller's own policies and the resource's policy must both allow (IAM user guide, "Cross-account policy
evaluation logic"); within one, either is enough, but for a key.
"""

from ministack.core import iam_actions, iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import iam, s3

FOREIGN_KEY_ACTIONS = frozenset(
    f"kms:{name}"
    for name in (
        *("CreateGrant", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair"),
        *("GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyRotationStatus"),
        *("GetPublicKey", "ListGrants", "ReEncryptFrom", "ReEncryptTo", "RetireGrant", "RevokeGrant", "Sign", "Verify", "VerifyMac"),
    )
)


def name_role_in_conditions(resolve):
    """aws:PrincipalArn of a role's session is the role's ARN, with its path (IAM user guide, "AWS global condition context keys")."""

    def corrected(key, ctx):
        if key.lower() == "aws:principalarn" and ctx.principal_type == "AssumedRole":
            name = iam_evaluator._role_name_from_assumed_arn(ctx.principal_arn)
            role = iam._roles.get_scoped(ctx.principal_account, None, name)
            return role["Arn"] if role else ctx.principal_arn
        return resolve(key, ctx)

    return corrected


def find_foreign_policy(policy_of):
    """A bucket's policy binds callers of other accounts as well (IAM user guide, "Cross-account policy evaluation logic")."""

    def corrected(resource_arn):
        found = policy_of(resource_arn)
        if found is not None or not resource_arn.startswith("arn:aws:s3:::"):
            return found
        bucket = resource_arn[len("arn:aws:s3:::") :].split("/", 1)[0]
        owner = s3._bucket_owner_account(bucket)
        return None if owner is None else (s3._bucket_policies.get_scoped(owner, None, bucket) or "", owner)

    return corrected


def judge_foreign_caller(allows):
    """A caller of another account is judged as itself, not as its account's root (the same page).

    What has an action was judged so before, by both policies: `enforce` asks find_foreign_policy.
    """

    def corrected(owner, bucket, key, method, query_params, caller, *rest):
        is_root = iam_evaluator.caller_arn().endswith(":root")
        if caller and not is_root and iam_actions._s3_action(method, f"/{bucket}/{key}", query_params):
            return True
        return allows(owner, bucket, key, method, query_params, caller, *rest)

    return corrected


def foreign_account(arn):
    """Of a key's ARN, or of its alias's, in another account than the caller's, and this Region; else None."""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return None
    foreign = spec.service == "kms" and spec.region == get_region() and spec.account_id not in ("", get_account_id())
    return spec.account_id if foreign else None


def find_foreign_key(resolve):
    """A key of another account is found by its ARN, or its alias's (KMS developer guide, "Allowing users in other accounts ...")."""

    def corrected(key_id_or_arn):
        account = foreign_account(key_id_or_arn)
        with request_scope(account or get_account_id(), get_region()):
            return resolve(key_id_or_arn)

    return corrected


def know_key_owner(policy_of):
    """A key's policy is that of its own account, which must allow it beside the caller's policy (the same page)."""

    def corrected(resource_arn):
        account = foreign_account(resource_arn)
        with request_scope(account or get_account_id(), get_region()):
            return policy_of(resource_arn)

    return corrected


def limit_foreign_keys(enforce):
    """Another account's root asks the key's policy too, and nobody of there administers a key (the same page)."""

    def corrected(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is not None or service != "kms" or foreign_account(resource_arn) is None:
            return denied
        caller = iam_evaluator.caller_arn()
        refusal = iam_evaluator.EvalResult("ImplicitDeny", caller)
        if iam_action not in FOREIGN_KEY_ACTIONS:
            return refusal
        if not caller.endswith(":root"):
            return None
        ctx = iam_evaluator.EvalContext(caller, "Root", get_account_id(), iam_action, resource_arn, region)
        policy = iam_evaluator._resource_policy("kms", resource_arn)
        allows = policy is not None and iam_evaluator.evaluate_resource_policy(policy[0], ctx).decision == "Allow"
        return None if allows else refusal

    return corrected
