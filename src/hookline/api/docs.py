"""``/docs``: the API to look at and to try, drawn by Swagger UI. Nothing comes from any other host."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response
from swagger_ui_bundle import swagger_ui_path

OPENAPI_PATH = "/api/v1/openapi.json"

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hookline API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = f"""SwaggerUIBundle({{
  url: "{OPENAPI_PATH}",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: -1,
}});
"""

#: What the browser may load and run: only our own files. Swagger UI draws its icons from `data:` addresses.
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


@router.get("/docs")
async def docs() -> Response:
    """The page."""
    return Response(_PAGE, 200, _HEADERS, "text/html")


@router.get("/docs/start.js")
async def start() -> Response:
    """The script that draws the page."""
    return Response(_START, 200, _HEADERS, "text/javascript")


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """A file of Swagger UI, out of the installed package."""
    if name not in _FILES:
        raise HTTPException(404)
    raw = (swagger_ui_path / name).read_bytes()
    return Response(raw, 200, {**_HEADERS, "cache-control": "max-age=3600"}, _FILES[name])
