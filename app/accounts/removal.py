"""The end of an account: what goes with it and what stays."""

from app.accounts import users
from config.database import Row, afterwards, change, transaction
from pipelines.jobs import family, state
from pipelines.models import job
from pipelines.models.account import keep_an_admin, remembered_name


def remove(account_id: int) -> Row | None:
    """Forget someone with their sessions, tokens and cookies; the account as it was, None if there is none.

    Their jobs that have not ended are cancelled; all jobs and downloads stay. Raises LastAdmin.
    """
    with transaction():
        keep_an_admin(account_id)
        account = users.by_id(account_id)
        if account is not None:
            for job_id in job.unfinished(account_id):
                family.steer(state.cancel, job_id)
            change("DELETE FROM account WHERE id = %s", account_id)
            afterwards(remembered_name.cache_clear)
    return account
