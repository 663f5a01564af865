"""Names of very popular packages: what a typosquat imitates. Enough of each registry's head to be worth imitating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMES: Final = {
    "pypi": """
    aiohttp alembic ansible anyio apscheduler argcomplete arrow asgiref asyncpg attrs babel bcrypt beautifulsoup4
    black bleach boto3 botocore cachetools celery certifi cffi chardet charset-normalizer click cloudpickle colorama
    coverage cryptography cython dask decorator deepdiff django djangorestframework docker docutils fastapi filelock
    flake8 flask fsspec gevent gitpython google-auth greenlet grpcio gunicorn h11 httpcore httptools httpx
    hypothesis idna importlib-metadata ipython isort jinja2 jmespath joblib jsonschema keras keyring kombu
    kubernetes langchain lightgbm loguru lxml mako markdown markupsafe marshmallow matplotlib mccabe mypy networkx
    nltk nose notebook numpy oauthlib openai opencv-python openpyxl orjson packaging pandas paramiko pathspec pillow
    pip platformdirs pluggy poetry prometheus-client protobuf psutil psycopg psycopg2 psycopg2-binary pyarrow pyasn1
    pycparser pydantic pygit2 pygithub pygments pyjwt pylint pymongo pymysql pyopenssl pyparsing pytest pytest-cov
    pytest-xdist python-dateutil python-dotenv python-multipart pytorch pytz pyyaml redis regex requests
    requests-oauthlib rich rsa ruff s3transfer scikit-learn scipy seaborn selenium sentry-sdk setuptools simplejson
    six sniffio sphinx sqlalchemy starlette structlog sympy tabulate tenacity tensorflow termcolor tokenizers toml
    tomli torch torchvision tornado tqdm traitlets transformers typer typing-extensions tzdata urllib3 uvicorn
    uvloop virtualenv watchdog websocket-client websockets werkzeug wheel wrapt xgboost yarl zipp
    """,
    "npm": """
    @babel/core @types/node @types/react angular async autoprefixer axios babel-core bcrypt bluebird body-parser
    bootstrap chalk cheerio chokidar classnames colors commander compression concurrently cookie-parser core-js cors
    cross-env cross-spawn crypto-js date-fns dayjs debug discord.js dotenv ejs electron esbuild eslint execa express
    fastify formik framer-motion fs-extra glob graphql gulp handlebars helmet highlight.js husky immer inquirer jest
    jquery js-yaml jsdom jsonwebtoken knex koa less lint-staged lodash lucide-react marked mime minimatch minimist
    mkdirp mocha moment mongodb mongoose morgan multer mysql mysql2 nanoid nest next node-fetch nodemailer nodemon
    openai passport pino playwright postcss prettier prisma prop-types puppeteer qs ramda react react-dom
    react-router react-router-dom redis redux request rimraf rollup rxjs sass semver sequelize sharp shelljs sinon
    socket.io styled-components supertest svelte tailwindcss three ts-node tslib typescript underscore uuid
    validator vite vitest vue webpack winston ws yargs zod zustand
    """,
    "crates": """
    anyhow async-trait axum base64 bitflags bytes cargo chrono clap crossbeam futures hashbrown hyper indexmap
    itertools lazy-static libc log memchr num once-cell parking-lot proc-macro2 quote rand rayon regex reqwest ring
    rustls serde serde-json sha2 smallvec syn tempfile thiserror tokio toml tonic tower tracing url uuid
    """,
    "gems": """
    actionpack activerecord activesupport aws-sdk bundler capybara devise faraday jekyll json minitest nokogiri puma
    rack rails rake redis rspec rubocop sidekiq sinatra thor
    """,
}
POPULAR: Final[Mapping[str, frozenset[str]]] = {
    registry: frozenset(names.split()) for registry, names in _NAMES.items()
}
