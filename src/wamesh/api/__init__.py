"""The HTTP edge: every unary rpc as REST, by the `google.api.http` annotations of the contract.

A gRPC client of the gateway and of booking and nothing else: it holds no session, no calendar and no state.

| module | owns |
|---|---|
| httprule, bindings | which HTTP request means which rpc |
| intake, jsontext, shape, scalars, query | what a caller wrote, and every way in which it is not the contract's type |
| transcode, answers | request to message, message to answer |
| problems, refusals | everything that is not an answer, as problem+json |
| calls, readiness, access_log, app, main | one call with its deadline; probes; the log line; the routes; the process |
| rules, schemas, openapi, comments, page | the OpenAPI document and the page that browses it |

Invariant: nothing is coerced. What reaches a backend is what the caller wrote, in the contract's types, or a refusal
that names every wrong field.
"""
