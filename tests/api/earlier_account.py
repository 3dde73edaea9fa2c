"""Opens an account with the client that openapi-python-client makes of gen/openapi/openapi.v1.json, by the names of that version.

python3 earlier_account.py <gateway>, with the client as the package `client_v1` on PYTHONPATH.
"""

import sys
import uuid

from client_v1.api.users import get_user, login, register
from client_v1.client import AuthenticatedClient, Client
from client_v1.models import LoginBody, RegisterBody

(base,) = sys.argv[1:]
PASSWORD = "correct horse battery"
email = f"barbara.{uuid.uuid4().hex[:8]}@shop.example"

anybody = Client(base_url=base)
body = RegisterBody(email_address=email, full_name="Barbara", password=PASSWORD)
opened = register.sync_detailed(client=anybody, body=body)
if opened.status_code != 201 or "Deprecation" not in opened.headers or "Sunset" not in opened.headers:
    sys.exit(f"not opened, or without an end of the version: {opened}")
session = login.sync(client=anybody, body=LoginBody(email_address=email, password=PASSWORD))
customer = AuthenticatedClient(base_url=base, token=session.access_token)
user = get_user.sync(opened.parsed.user.user_id, client=customer).user
if user.email_address != email or user.full_name != "Barbara":
    sys.exit(f"another account: {user}")
print(f"account {user.user_id} by the names of v1")
