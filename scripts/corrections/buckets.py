"""Corrections of MiniStack for cloud-ministack.py: buckets that a template makes."""

from xml.sax.saxutils import escape

from ministack.services import s3


def to_xml(name, value):
    """The S3 API's XML of a value: lists repeat their element, booleans are small letters."""
    if isinstance(value, list):
        return "".join(to_xml(name, each) for each in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(to_xml(key, each) for key, each in value.items())}</{name}>"
    return f"<{name}>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</{name}>"


def encryption_xml(encryption):
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": {
                key: each["ServerSideEncryptionByDefault"][key]
                for key in ("SSEAlgorithm", "KMSMasterKeyID")
                if key in each["ServerSideEncryptionByDefault"]
            },
            "BucketKeyEnabled": each.get("BucketKeyEnabled", False),
        }
        for each in encryption["ServerSideEncryptionConfiguration"]
    ]
    return to_xml("ServerSideEncryptionConfiguration", {"Rule": rules}).encode()


def lifecycle_xml(lifecycle):
    return to_xml("LifecycleConfiguration", {"Rule": [lifecycle_rule(rule) for rule in lifecycle["Rules"]]}).encode()


def lifecycle_rule(rule):
    prefix = {"Prefix": rule.get("Prefix", "")}
    tags = rule.get("TagFilters", [])
    expiration = {
        **({"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else {}),
        **({"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]} if "ExpiredObjectDeleteMarker" in rule else {}),
    }
    noncurrent = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    return {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"And": {**prefix, "Tag": tags}} if tags else prefix,
        **({"Expiration": expiration} if expiration else {}),
        **({"NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent}} if noncurrent else {}),
        "Transition": [
            {"Days": each["TransitionInDays"], "StorageClass": each["StorageClass"]} for each in rule.get("Transitions", [])
        ],
        **({key: rule[key] for key in ("AbortIncompleteMultipartUpload",) if key in rule}),
    }


def apply_bucket_properties(configurations):
    """A bucket gets the encryption and the lifecycle of its template (CloudFormation template reference, AWS::S3::Bucket)."""
    return (
        *configurations,
        ("BucketEncryption", encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("LifecycleConfiguration", lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
    )


def enable_object_lock(create):
    """ObjectLockEnabled makes a bucket whose objects can be locked (CloudFormation template reference, AWS::S3::Bucket)."""

    def corrected(logical_id, props, stack_name):
        name, attributes = create(logical_id, props, stack_name)
        if str(props.get("ObjectLockEnabled", "")).lower() == "true":
            s3._bucket_object_lock[name] = {"enabled": True, "default_retention": None}
        return name, attributes

    return corrected
