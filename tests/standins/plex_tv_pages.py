"""What a person sees of the stand-in: who he is, at /auth, and where he types four letters, at /link.

The address of the first is the one of the real page, so what it is about stands behind the `#` and only the
page's own script reads it. The real one goes on to `forwardUrl` after consent alone; here a refusal does too,
with nothing claimed.
"""

from html import escape

from tests.standins.plex_cloud import Cloud
from tests.standins.plex_http import Answer, Request
from tests.standins.plex_tv_errors import HTML, pin_is_gone

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="data:,"></head>
<body><main><h1>{title}</h1>
{content}
</main></body></html>
"""

_CHOICE = """<p>Continue to <b id="product">an app</b> as</p>
<p>{people}</p>
<p><button type="button" data-person="">Refuse</button></p>
<p role="alert"></p>
<script>
const words = new URLSearchParams(location.hash.replace(/^#!?[?]?/, ""));
const say = (text) => { document.querySelector("[role=alert]").textContent = text; };
const goOn = (said) => {
  const to = words.get("forwardUrl") || "";
  if (/^https?:/.test(to)) location.assign(to); else say(said);
};
document.getElementById("product").textContent = words.get("context[device][product]") || "an app";
document.querySelectorAll("button").forEach((button) => button.addEventListener("click", async () => {
  const person = button.dataset.person;
  if (!person) return goOn("Nothing was allowed. You may close this page.");
  const claim = {code: words.get("code") || "", clientID: words.get("clientID") || "", person};
  const answer = await fetch("/auth", {method: "POST", body: new URLSearchParams(claim)});
  if (answer.ok) goOn("You may close this page."); else say("We were unable to complete this request.");
}));
</script>"""

_FORM = """<form method="post" action="/link">
<p><label>Code <input name="code" maxlength="4" required autocomplete="off" value="{code}"></label></p>
<p>{people}</p>
</form>
<p role="alert">{said}</p>"""


def choose(cloud: Cloud, request: Request) -> Answer:
    people = _buttons(cloud, 'type="button" data-person')
    return _page("Sign in with Plex", _CHOICE.replace("{people}", people))


def chosen(cloud: Cloud, request: Request) -> Answer:
    """The choice of a person on that page: the PIN is claimed, if it is the one of that app."""
    if _claimed(cloud, request, client=request.word("clientID") or "-"):
        return Answer(204)
    return pin_is_gone(request)


def ask_code(cloud: Cloud, request: Request) -> Answer:
    return _link_page(cloud, request.word("pin"), "")


def code_typed(cloud: Cloud, request: Request) -> Answer:
    code = request.word("code")
    if len(code) == 4 and _claimed(cloud, request):
        return _page("Link a device", '<p role="status">Your device is linked. You may close this page.</p>')
    return _link_page(cloud, code, "That code is not valid. Please try again.", 404)


def _claimed(cloud: Cloud, request: Request, client: str = "") -> bool:
    number = request.word("person")
    person = cloud.accounts.person(int(number)) if number.isdigit() else None
    if person is None:
        return False
    try:
        cloud.claim(request.word("code"), person, client)
    except LookupError:
        return False
    return True


def _link_page(cloud: Cloud, code: str, said: str, status: int = 200) -> Answer:
    form = _FORM.format(code=escape(code), people=_buttons(cloud, 'name="person" value'), said=escape(said))
    return _page("Link a device", form, status)


def _buttons(cloud: Cloud, attribute: str) -> str:
    """One button for each person; `attribute` names the one that carries the number of the account."""
    return "\n".join(
        f'<button {attribute}="{person.id}">{escape(person.name)}</button>'
        for person in cloud.accounts.people
    )


def _page(title: str, content: str, status: int = 200) -> Answer:
    return Answer(status, _PAGE.format(title=title, content=content).encode(), HTML)
