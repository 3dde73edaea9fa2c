"""Places an order with the client that openapi-python-client makes of gen/openapi/openapi.json, and follows it to its end.

python3 place_order.py <gateway> <administrator's address> <password>, with the client as the package `client` on PYTHONPATH.
"""

import sys
import time
import uuid

from client.api.catalog import create_product
from client.api.inventory import set_stock
from client.api.orders import get_order, place_order
from client.api.users import login, logout, refresh_token, register
from client.client import AuthenticatedClient, Client
from client.models import (
    CreateProductBody,
    GetOrderView,
    LoginBody,
    LogoutBody,
    MoneyInput,
    OrderStatus,
    PlaceOrderBody,
    PlaceOrderLine,
    Payment,
    PaymentsPaymentStatus,
    Problem,
    RefreshTokenBody,
    RegisterBody,
    SetStockBody,
)

base, admin_email, admin_password = sys.argv[1:4]
PASSWORD = "correct horse battery"
PRODUCT = "PY-1"


TRIES = 20


def done(call, *path, **arguments):
    """What the call answers. Asks again while the answer is 503, which says that nothing was done."""
    for _ in range(TRIES):
        answer = call(*path, **arguments)
        if not isinstance(answer, Problem) or answer.status != 503:
            break
        time.sleep(0.5)
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"refused: {answer}")
    return answer


anybody = Client(base_url=base)
admin_session = done(login.sync, client=anybody, body=LoginBody(email=admin_email, password=admin_password))
admin = AuthenticatedClient(base_url=base, token=admin_session.access_token)
price = MoneyInput(currency_code="GBP", minor_units="395")
product = CreateProductBody(product_id=PRODUCT, stock_code=PRODUCT, title="A snake of wood", price=price)
done(create_product.sync, client=admin, body=product)
done(set_stock.sync, PRODUCT, client=admin, body=SetStockBody(on_hand="10"))

email = f"guido.{uuid.uuid4().hex[:8]}@shop.example"
done(register.sync, client=anybody, body=RegisterBody(email=email, full_name="Guido", password=PASSWORD))
session = done(login.sync, client=anybody, body=LoginBody(email=email, password=PASSWORD))
refreshed = done(
    refresh_token.sync,
    client=anybody,
    body=RefreshTokenBody(refresh_token=session.refresh_token),
    idempotency_key=str(uuid.uuid4()),
)
customer = AuthenticatedClient(base_url=base, token=refreshed.access_token)
wanted = PlaceOrderBody(lines=[PlaceOrderLine(product_id=PRODUCT, quantity="2")], payment_method_token="tok_approved")
key = str(uuid.uuid4())
order = done(place_order.sync, client=customer, body=wanted, idempotency_key=key).order
again = done(place_order.sync, client=customer, body=wanted, idempotency_key=key).order
if again.order_id != order.order_id:
    sys.exit("the same key placed another order")

end = time.monotonic() + 30
while order.status != OrderStatus.ORDER_STATUS_COMPLETED:
    if time.monotonic() > end:
        sys.exit(f"the order is still {order.status}")
    time.sleep(0.1)
    order = done(get_order.sync, order.order_id, client=customer).order

full = done(get_order.sync, order.order_id, client=customer, view=GetOrderView.FULL)
if not isinstance(full.payment, Payment) or full.payment.status != PaymentsPaymentStatus.PAYMENT_STATUS_CAPTURED:
    sys.exit(f"the view has no payment: {full}")
if [one.product_id for one in full.products] != [PRODUCT] or not full.shipment.tracking_code or full.field_degraded:
    sys.exit(f"the view is not whole: {full}")

done(logout.sync, client=anybody, body=LogoutBody(refresh_token=refreshed.refresh_token))
ended = refresh_token.sync(
    client=anybody,
    body=RefreshTokenBody(refresh_token=refreshed.refresh_token),
    idempotency_key=str(uuid.uuid4()),
)
if not isinstance(ended, Problem) or ended.reason != "REFRESH_TOKEN_INVALID":
    sys.exit(f"the session goes on: {ended}")
print(f"order {order.order_id}: {order.status}, {order.total.minor_units} {order.total.currency_code}")
