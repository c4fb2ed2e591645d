# One recipe for every image: `docker build --build-arg SERVICE=email .` makes the one that holds
# the email service. SERVICE is a folder of services/, or `simulators`, `orderctl` or `loadtest`.

# Only that service's code, and shared/ and shop/ which it builds upon. Everybody may read it, also when
# the checkout was made under umask 077.
FROM python:3.13-slim AS code
ARG SERVICE
WORKDIR /checkout
COPY . .
RUN mkdir /app \
 && cp -r shared shop /app/ \
 && if [ -d "services/$SERVICE" ]; \
    then mkdir /app/services && cp -r services/__init__.py "services/$SERVICE" /app/services/; \
    else cp -r "$SERVICE" /app/; fi \
 && cp "$(find /app -name requirements.txt)" /requirements.txt \
 && chmod -R a+rX /app
# What pip makes of pyproject.toml elsewhere: a command.
RUN mkdir /commands \
 && if [ "$SERVICE" = orderctl ]; then \
    printf '%s\n' '#!/venv/bin/python' 'from orderctl.start import main' 'main()' \
    > /commands/orderctl && chmod 755 /commands/orderctl; fi
# Nothing can be written where it runs, so the bytecode has to be there already.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

# Only that service's dependencies. A change of code alone does not reach this stage: Docker
# compares what is in the copied file, and takes the result of last time.
FROM python:3.13-slim AS dependencies
COPY --from=code /requirements.txt .
# Every package is a wheel with a known hash: nothing is compiled, on x86-64 as on arm64.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.13-slim
# Modules come from /app, never from the folder that a command happens to run in. And with many
# threads, each would get a heap of its own and keep it; two are enough for all.
ENV PATH="/venv/bin:$PATH" \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    HOST=0.0.0.0
# A new volume takes its owner from the folder that it is mounted on.
RUN install -d -o 10001 -g 10001 /data
COPY --from=dependencies /venv /venv
COPY --from=code /app /app
COPY --from=code /commands /usr/local/bin
WORKDIR /app
# A number, because only a number can be checked to be another user than root.
USER 10001:10001
# By the shell, because it runs every few seconds in every container, and Python would take ten
# times as long. `docker inspect` shows the answer of a process that is not ready.
HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT; printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3; \
     read -r _ status _ <&3; [[ $status = 200 ]] || { cat <&3; exit 1; }"]
# What runs is a module: services.email, services.email.migrate, shared.topology.
ENTRYPOINT ["python", "-m"]
