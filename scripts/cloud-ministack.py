"""Starts MiniStack with corrections: where it differs from AWS, so that state machines and handlers need not be bent to it.

Each correction names the AWS documentation that it follows (docs/local-cloud.md has the table). Arguments: none; MiniStack's own variables.
"""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import uuid
import zipfile
from datetime import datetime, timezone
from types import SimpleNamespace

from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_region, request_scope
from ministack.services import cloudformation, ecs, eventbridge, kms, lambda_svc, s3, scheduler, stepfunctions
from ministack.services.cloudformation import provisioners

from corrections.accounts import (
    find_foreign_key,
    find_foreign_policy,
    judge_foreign_caller,
    know_key_owner,
    limit_foreign_keys,
    name_role_in_conditions,
)
from corrections.buckets import apply_bucket_properties, enable_object_lock

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


def keep_error_names(execute):
    """A thrown error's type is its name (Lambda developer guide, "Node.js errors"); MiniStack gives Runtime.HandlerError for all."""

    def corrected(func, event, request_id):
        result = execute(func, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            first_line = str(body.get("errorMessage", "")).split("\n")[0]
            named = re.search(rf"^([A-Za-z][\w.]*): {re.escape(first_line)}", result.get("log", ""), re.MULTILINE)
            if named:
                body["errorType"] = named.group(1)
        return result

    return corrected


def run_as_nobody(processes):
    """A function runs as a user without rights, only /tmp is its own (Lambda developer guide, "Working with container images")."""
    if os.getuid() != 0:
        return processes
    nobody = pwd.getpwnam("nobody")

    def popen(command, *, cwd, env, **options):
        os.chmod(os.path.dirname(cwd), 0o755)
        temporary = os.path.join(os.path.dirname(cwd), "tmp")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        shutil.chown(temporary, nobody.pw_uid, nobody.pw_gid)
        env = {**env, "HOME": temporary, "TMPDIR": temporary}
        if "_LAMBDA_LAYERS_DIRS" in env:
            return subprocess.Popen(with_layer(command, env["_LAMBDA_LAYERS_DIRS"], nobody), cwd=cwd, env=env, **options)
        return subprocess.Popen(
            command, cwd=cwd, env=env, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], **options
        )

    return SimpleNamespace(**{**vars(processes), "Popen": popen})


def with_layer(command, directory, user):
    """A layer is unpacked as /opt, with its modes and links (Lambda developer guide, "Packaging your layer content")."""
    with zipfile.ZipFile(f"{directory}.zip") as archive:
        for entry in archive.infolist():
            path, mode = os.path.join(directory, entry.filename), entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                os.remove(path)
                os.symlink(archive.read(entry).decode(), path)
            elif mode:
                os.chmod(path, mode & 0o777)
    os.chmod(directory, 0o755)
    script = 'mount --bind "$1" /opt; uid=$2 gid=$3; shift 3; exec setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"'
    namespace = ["unshare", "--mount", "--propagation", "private"]
    return [*namespace, "sh", "-euc", script, "sh", directory, str(user.pw_uid), str(user.pw_gid), *command]


def evaluate_distributed_map(run):
    """ItemReader, Output and Assign of a Distributed Map take JSONata, and its children see no outer variables (Step Functions guide)."""

    def corrected(state, raw, effective, iterator, execution, ctx):
        if stepfunctions._state_query_language(state, ctx) != "JSONata":
            return run(state, raw, effective, iterator, execution, ctx)
        reader = state["ItemReader"]
        arguments = stepfunctions._apply_jsonata_template(reader["Arguments"], raw, ctx)
        items = {"items": stepfunctions._read_map_items({**reader, "Arguments": arguments}, raw, ctx)}
        plain = {key: value for key, value in state.items() if key not in ("ItemReader", "Output", "Assign")}
        result, following = run({**plain, "ItemsPath": "$.items"}, items, items, iterator, execution, {**ctx, "variables": {}})
        output = stepfunctions._apply_jsonata_output(state, raw, ctx, result=result, default=result)
        stepfunctions._apply_state_assign(state, raw, ctx, result=result)
        return output, following

    return corrected


def evaluate_succeed_output(apply_output_path):
    """A Succeed state has an Output, in JSONata (Step Functions developer guide, "Succeed workflow state")."""

    def corrected(state, output, ctx=None):
        if state.get("Type") == "Succeed" and stepfunctions._state_query_language(state, ctx) == "JSONata":
            return stepfunctions._apply_jsonata_output(state, output, ctx, default=output)
        return apply_output_path(state, output, ctx)

    return corrected


def evaluate_task_timeout(execute):
    """A Task's TimeoutSeconds takes JSONata (Step Functions developer guide, "Task workflow state")."""

    def corrected(state, raw, execution, ctx):
        seconds = state.get("TimeoutSeconds")
        if isinstance(seconds, str):
            state = {**state, "TimeoutSeconds": stepfunctions._apply_jsonata_template(seconds, raw, ctx)}
        return execute(state, raw, execution, ctx)

    return corrected


def fill_scheduled_time(invoke):
    """Context attributes in a schedule's input (EventBridge Scheduler guide, "Adding context attributes"); a cron's instant is a minute."""

    def corrected(target, event, rule, *rest):
        if event.get("Source") == "aws.scheduler" and SCHEDULED_TIME in target.get("Input", ""):
            one_shot = re.fullmatch(r"at\((.*)\)", rule.get("ScheduleExpression", ""))
            minute = datetime.fromtimestamp(event["Time"] // 60 * 60, timezone.utc)
            instant = f"{one_shot.group(1)}Z" if one_shot else minute.strftime("%Y-%m-%dT%H:%M:%SZ")
            target = {**target, "Input": target["Input"].replace(SCHEDULED_TIME, instant)}
        return invoke(target, event, rule, *rest)

    return corrected


def authorize_alias_as_key(extract):
    """A call that names an alias is authorized against its key (KMS developer guide, "Controlling access to aliases")."""

    def corrected(service, *request, **named):
        arn = extract(service, *request, **named)
        key = kms._resolve_key(arn) if service == "kms" and ":alias/" in arn else None
        return key["Arn"] if key else arn

    return corrected


def know_key_conditions(context_of):
    """kms:EncryptionContext:<name> and kms:ResourceAliases are condition keys (KMS developer guide, "AWS KMS condition keys")."""

    def corrected(service, action, body, *rest):
        known = dict(context_of(service, action, body, *rest) or {})
        if service != "kms":
            return known
        request = json.loads(body or b"{}")
        given = request.get("EncryptionContext") or {}
        known.update({f"kms:EncryptionContext:{name}": value for name, value in given.items()})
        named = request.get("KeyId") or iam_actions._kms_key_id_from_ciphertext(request.get("CiphertextBlob"))
        key = kms._resolve_key(named)
        if key:
            with request_scope(key["Arn"].split(":")[4], get_region()):
                aliases = [arn.split(":", 5)[5] for arn, key_id in kms._aliases.items() if key_id == key["KeyId"]]
            known["kms:ResourceAliases"] = aliases
        return known

    return corrected


def know_legal_holds(context_of):
    """s3:object-lock-legal-hold is a condition key of a legal hold (S3 user guide, "Managing Object Lock")."""

    def corrected(service, action, body, *rest):
        known = dict(context_of(service, action, body, *rest) or {})
        status = re.search(rb"<Status>(\w+)</Status>", body or b"") if action == "s3:PutObjectLegalHold" else None
        if status:
            known["s3:object-lock-legal-hold"] = status.group(1).decode()
        return known

    return corrected


def know_conditional_writes(context_of):
    """s3:if-none-match and s3:ObjectCreationOperation are condition keys of a write (S3 user guide, "Enforce conditional writes")."""

    def corrected(action, query_params, path="", headers=None):
        known = dict(context_of(action, query_params, path, headers) or {})
        if action != "s3:PutObject":
            return known
        query = query_params or {}
        makes_object = "partNumber" not in query and "uploads" not in query
        known["s3:ObjectCreationOperation"] = str(makes_object).lower()
        condition = (headers or {}).get("if-none-match")
        if condition is not None:
            known["s3:if-none-match"] = condition
        return known

    return corrected


def run_tasks_as_processes(run_task):
    """A task of Fargate runs its container with its task role's credentials (ECS developer guide, "Task IAM role"); here it is a process.

    HOLDFAST_CLOUD_TASKS is the directory that plays the image's /var/task.
    """
    processes = run_as_nobody(subprocess)

    def corrected(resource, input_data):
        result = run_task(resource, input_data)
        request = stepfunctions._pascal_to_camel(input_data)
        definition = ecs._task_defs[ecs._resolve_td_key(request["taskDefinition"])]
        container = definition["containerDefinitions"][0]
        task_overrides = request.get("overrides", {})
        overrides = task_overrides.get("containerOverrides", [{}])[0]
        variables = [*container.get("environment", []), *overrides.get("environment", [])]
        directory = tempfile.mkdtemp(prefix="ministack-task-")
        os.makedirs(os.path.join(directory, "code"))
        task = {
            "FunctionArn": f"arn:aws:lambda:{ecs.get_region()}:{ecs.get_account_id()}:function:{uuid.uuid4().hex}",
            "FunctionName": "task",
            "Role": task_overrides.get("taskRoleArn") or definition["taskRoleArn"],
        }
        # As of a function, but the role is the task's.
        with open(os.path.join(directory, "log"), "wb") as log:
            processes.Popen(
                [part.replace("/var/task", os.environ["HOLDFAST_CLOUD_TASKS"]) for part in container["entryPoint"]],
                cwd=os.path.join(directory, "code"),
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_REGION": ecs.get_region(),
                    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
                    **lambda_runtime.execution_credentials(task),
                    **{each["name"]: str(each["value"]) for each in variables},
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return result

    return corrected


def keep_nested_attributes(update):
    """What an update leaves alone keeps its attributes, in a nested stack too (CloudFormation user guide, "Update behaviors of stack resources")."""

    def corrected(resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None):
        if old_attrs is None:
            record = cloudformation._stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
            old_attrs = record.get("Attributes")
        return update(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

    return corrected


if __name__ == "__main__":
    lambda_runtime.subprocess = run_as_nobody(lambda_runtime.subprocess)
    lambda_svc._execute_function_warm = keep_error_names(lambda_svc._execute_function_warm)
    stepfunctions._run_distributed_map = evaluate_distributed_map(stepfunctions._run_distributed_map)
    stepfunctions._apply_output_path = evaluate_succeed_output(stepfunctions._apply_output_path)
    stepfunctions._execute_task = evaluate_task_timeout(stepfunctions._execute_task)
    eventbridge._invoke_target = fill_scheduled_time(eventbridge._invoke_target)
    iam_actions.extract_resource_arn = authorize_alias_as_key(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = know_key_conditions(iam_actions.request_tag_context)
    iam_actions.request_tag_context = know_legal_holds(iam_actions.request_tag_context)
    iam_actions.s3_service_context = know_conditional_writes(iam_actions.s3_service_context)
    if "HOLDFAST_CLOUD_TASKS" in os.environ:
        stepfunctions._SERVICE_DISPATCH["arn:aws:states:::ecs:runTask"] = run_tasks_as_processes(stepfunctions._invoke_ecs_run_task)
    provisioners._S3_BUCKET_CONFIGURATIONS = apply_bucket_properties(provisioners._S3_BUCKET_CONFIGURATIONS)
    provisioners._update_resource = keep_nested_attributes(provisioners._update_resource)
    iam_evaluator._resolve_condition_key = name_role_in_conditions(iam_evaluator._resolve_condition_key)
    iam_evaluator.enforce = limit_foreign_keys(iam_evaluator.enforce)
    s3.bucket_policy_for_arn = find_foreign_policy(s3.bucket_policy_for_arn)
    s3._foreign_bucket_allows = judge_foreign_caller(s3._foreign_bucket_allows)
    kms.key_policy_for_arn = know_key_owner(kms.key_policy_for_arn)
    kms._resolve_key = find_foreign_key(kms._resolve_key)
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    bucket["create"] = enable_object_lock(bucket["create"])
    assert scheduler  # Its ticker looks the function up in eventbridge at each firing.
    from ministack.app import main

    main()
