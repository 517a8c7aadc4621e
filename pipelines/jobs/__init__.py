"""The life of one job, in reading order: submit, claim, runner, context, state, retry, lease, schedule, events."""
