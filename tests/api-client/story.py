"""Works with a task and a goal through a client that was generated from the OpenAPI description.

story.py ADDRESS TOKEN, with the generated package fortnight_client on the path."""

import sys

from fortnight_client import AuthenticatedClient
from fortnight_client.api.goals import create_goal, edit_goal, get_goal, list_goals
from fortnight_client.api.me import get_me
from fortnight_client.api.tasks import (
    add_comment,
    block_task,
    create_task,
    get_task,
    list_comments,
    move_task,
    unblock_task,
)
from fortnight_client.models import CommentIn, GoalIn, GoalPatch, Place, Problem, Reason, TaskIn

TEAM = "infrastructure"


def is_equal(value, expected):
    if value != expected:
        sys.exit(f"expected {expected!r}, got {value!r}")


def main():
    address, token = sys.argv[1:]
    client = AuthenticatedClient(base_url=address, token=token)
    is_equal(get_me.sync(client=client).may_write, True)

    new = TaskIn(title="Written by a generated client", labels=["generated"])
    created = create_task.sync(TEAM, client=client, body=new, idempotency_key="once")
    again = create_task.sync(TEAM, client=client, body=new, idempotency_key="once")
    is_equal(again.key, created.key)
    key = created.key
    place = Place(column="in-progress", version=created.version)
    moved = move_task.sync(key, client=client, body=place)
    is_equal(moved.column, "in-progress")
    conflict = move_task.sync(key, client=client, body=Place(column="done", version=created.version))
    is_equal((type(conflict), conflict.status), (Problem, 409))
    blocked = block_task.sync(key, client=client, body=Reason(kind="text", note="The lawyers"))
    is_equal((blocked.column, blocked.blocked_by[0].note), ("blocked", "The lawyers"))
    unblock_task.sync(key, client=client)
    add_comment.sync(key, client=client, body=CommentIn(body="They agree."))
    comments = list_comments.sync(key, client=client, limit=1)
    is_equal([comment.body for comment in comments.items], ["They agree."])
    task = get_task.sync(key, client=client)
    is_equal((task.column, task.labels, task.comments), ("in-progress", ["generated"], 1))

    goal = create_goal.sync(TEAM, client=client, body=GoalIn(title="Generated", target=3))
    edited = edit_goal.sync(TEAM, goal.id, client=client, body=GoalPatch(target=4, version=goal.version))
    is_equal((edited.title, edited.target), ("Generated", 4))
    is_equal(get_goal.sync(TEAM, goal.id, client=client).version, edited.version)
    goals = list_goals.sync(TEAM, client=client)
    is_equal(goal.id in [listed.id for listed in goals.items], True)


main()
