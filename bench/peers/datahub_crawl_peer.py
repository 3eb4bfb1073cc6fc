"""DataHub's PostgreSQL source into a file: run by its own environment's Python, imports nothing of the project.

Argument: a URL, as PostgreSQL's programs take it. Profiling and usage are off. Prints a JSON line for a setting: seconds on the clock and of
the processor, without imports, and how many tables and views came out.
"""

import json
import logging
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from datahub.ingestion.run.pipeline import Pipeline

logging.disable(logging.CRITICAL)
SETTINGS = {
    "as it comes": {},
    "least work": {
        "include_view_lineage": False,
        "include_view_column_lineage": False,
        "include_stored_procedures": False,
        "use_file_backed_cache": False,
    },
}
url = urlsplit(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    for name, more in SETTINGS.items():
        file = Path(folder) / "found.json"
        config = {
            "host_port": f"{url.hostname}:{url.port}",
            "username": unquote(url.username or ""),
            "password": unquote(url.password or ""),
            "database": url.path.lstrip("/"),
            "profiling": {"enabled": False},
            **more,
        }
        recipe = {
            "source": {"type": "postgres", "config": config},
            "sink": {"type": "file", "config": {"filename": str(file)}},
        }
        begun, busy = time.perf_counter(), time.process_time()
        pipeline = Pipeline.create(recipe, report_to=None)
        pipeline.run()
        took, busy = time.perf_counter() - begun, time.process_time() - busy
        pipeline.raise_from_status()
        # a dataset's schema stands in a proposal of its own, or in the snapshot of the whole dataset
        found = set()
        for one in json.loads(file.read_text()):
            whole = next(iter((one.get("proposedSnapshot") or {}).values()), {})
            if one.get("aspectName") == "schemaMetadata" or "SchemaMetadata" in json.dumps(whole.get("aspects", [])):
                found.add(one.get("entityUrn") or whole["urn"])
        told = {"name": f"acryl-datahub {version('acryl-datahub')}, {name}", "s": took, "processor_s": busy}
        print(json.dumps(told | {"tables": len(found)}), flush=True)
