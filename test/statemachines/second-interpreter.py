"""Runs state machines in moto's interpreter of the Amazon States Language, Tasks by the answers of a case.

Reads {"machines": {name: definition}, "cases": [{"machine", "input", "items", "answers": {state: [answer]}}]} from its input, writes a list of what
came of each case. An answer is {"return": result} or {"error": name, "cause": text}; the last of a state's answers stands for all that follow.

What moto (5.2.5) lacks or does otherwise than AWS's documentation says is corrected here; docs/machine-paths.md has the list.
"""

import functools
import json
import logging
import sys

from jsonata import jsonata
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_eval_s3 import ResourceEvalS3
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import InlineIterationComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData
from moto.stepfunctions.parser.asl.jsonata import validations
from moto.stepfunctions.parser.asl.jsonata.jsonata import extract_jsonata_variable_references
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn, MockedResponseThrow

ACCOUNT = "123456789012"
REGION = "eu-central-1"


class Case:
    """One execution: what it is given, and what is seen of it. Cases run one after the other."""

    def __init__(self, given):
        self.items = given.get("items", [])
        self.answers = {state: list(answers) for state, answers in given["answers"].items()}
        self.trail = []
        self.calls = []
        self.waits = []

    def answer(self, state):
        answers = self.answers[state]
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        if "error" in given:
            return MockedResponseThrow(0, 0, given["error"], given.get("cause", ""))
        return MockedResponseReturn(0, 0, given["return"])

    # What an Environment asks of moto's MockTestCase; by the call and not by the try, for one state serves all items of a Map.
    @property
    def state_mocked_responses(self):
        return self.answers


current = None
"""The case that runs."""


def evaluate(expression):
    """JSONata, which moto leaves to a virtual machine of Java that it does not bring along."""
    return json.loads(json.dumps(jsonata.Jsonata(expression).evaluate(None)))


@functools.cache
def parsed(expression):
    return jsonata.Jsonata(expression)


def evaluate_bound(self, env):
    """Variables are bound: moto (5.2.5) writes them before the expression, and does not escape the quotes of a text in it."""
    extract_jsonata_variable_references(self.expression)
    store = env.variable_store
    expression = parsed(self.expression)
    frame = expression.create_frame()
    for name, value in {**store._outer_scope, **store._inner_scope, "states": env.states._states_data}.items():
        frame.bind(name, value)
    value = expression.evaluate(None, frame)
    if value is None:
        validations._validate_null_output(env, self.expression, "$absent")
    env.stack.append(json.loads(json.dumps(value)))


def raise_answer(env, mocked_response):
    """As moto's, but an answer may be one of the errors of Step Functions itself, as in `States.Timeout`."""
    named = StatesErrorName.from_name if mocked_response.error.startswith("States.") else CustomErrorName
    details = TaskFailedEventDetails(error=mocked_response.error, cause=mocked_response.cause)
    event = FailureEvent(
        env=env,
        error_name=named(mocked_response.error),
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),
    )
    raise FailureEventException(failure_event=event)


def note_events(add_event):
    """The history of an execution; moto drops that of a Map's children."""

    def noted(self, context, event_type, event_details=None, **named):
        details = event_details or {}
        if "stateEnteredEventDetails" in details:
            current.trail.append(details["stateEnteredEventDetails"]["name"])
        if "taskScheduledEventDetails" in details:
            parameters = json.loads(details["taskScheduledEventDetails"]["parameters"])
            current.calls.append({"state": current.trail[-1], "parameters": parameters})
        return add_event(self, context, event_type, event_details, **named)

    return noted


def read_items(env, runtime_part, credentials):
    env.stack.pop()
    env.stack.append(json.dumps(current.items))


def correct():
    validations.eval_jsonata_expression = evaluate
    string_expression.StringJSONata._eval_body = evaluate_bound
    mock_eval_utils._eval_mocked_response_throw = raise_answer
    Environment.get_current_mocked_response = lambda env: current.answer(env.next_state_name)
    EventManager.add_event = note_events(EventManager.add_event)
    ResourceEvalS3._handle_get_object = staticmethod(read_items)
    # A retry's wait is noted and not waited for.
    retrier_decl.time = type("Time", (), {"sleep": staticmethod(lambda seconds: current.waits.append(seconds))})


def environment_of(name, given):
    execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:holdfast-dev-machine:run-1"
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    data = ExecutionData(Id=execution, Input=given, Name="run-1", RoleArn=role, StartTime="2026-11-21T02:00:01.123Z")
    return Environment(
        aws_execution_details=AWSExecutionDetails(ACCOUNT, REGION, role),
        execution_type="STANDARD",
        context=ContextObjectData(Execution=data, StateMachine=StateMachineData(Id=machine, Name=name)),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
        mock_test_case=current,
    )


def run(program, given):
    global current
    current = Case(given)
    env = environment_of(given["machine"], given["input"])
    program.eval(env)
    ended = env.program_state()
    seen = {"trail": current.trail, "calls": current.calls, "waits": current.waits}
    if isinstance(ended, ProgramEnded):
        return {"status": "SUCCEEDED", "output": env.states.get_input(), **seen}
    failed = ended.error if isinstance(ended, ProgramError) else {"error": type(ended).__name__}
    return {"status": "FAILED", "error": failed.get("error"), "cause": failed.get("cause"), **seen}


def parse(machine):
    """moto's grammar takes a percentage with a decimal point only, and runs a Map's children at once; one by one, their order is known."""
    for state in machine["States"].values():
        if state["Type"] == "Map":
            state.update(MaxConcurrency=1, ToleratedFailurePercentage=float(state["ToleratedFailurePercentage"]))
    return AmazonStateLanguageParser.parse(json.dumps(machine))[0]


if __name__ == "__main__":
    logging.disable()
    correct()
    asked = json.load(sys.stdin)
    programs = {name: parse(machine) for name, machine in asked["machines"].items()}
    json.dump([run(programs[case["machine"]], case) for case in asked["cases"]], sys.stdout)
