# One recipe for every image: `docker build --build-arg SERVICE=email .` builds the image of the
# email service. SERVICE is a folder of services/, or `simulators`, `orderctl` or `loadtest`.

# Only that service's code, and shared/ and shop/, which it uses. All users may read it, even if the
# checkout was made under umask 077.
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
# The command that pip creates from pyproject.toml elsewhere.
RUN mkdir /commands \
 && if [ "$SERVICE" = orderctl ]; then \
    printf '%s\n' '#!/venv/bin/python' 'from orderctl.start import main' 'main()' \
    > /commands/orderctl && chmod 755 /commands/orderctl; fi
# Containers run on a read-only file system, so the bytecode is compiled here.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

# Only that service's dependencies. A change of code alone does not rebuild this stage: Docker
# compares the content of the copied file, and reuses the earlier result.
FROM python:3.13-slim AS dependencies
COPY --from=code /requirements.txt .
# Every package is a wheel with a known hash: nothing is compiled, on x86-64 as on arm64.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.13-slim
# Modules come from /app, never from the current folder. With many threads, each would allocate
# and keep its own heap; two heaps are enough for all.
ENV PATH="/venv/bin:$PATH" \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    HOST=0.0.0.0
# A new volume takes its owner from the folder on which it is mounted.
RUN install -d -o 10001 -g 10001 /data
COPY --from=dependencies /venv /venv
COPY --from=code /app /app
COPY --from=code /commands /usr/local/bin
WORKDIR /app
# A number, because only a number can be verified not to be root.
USER 10001:10001
# In the shell, because the check runs every few seconds in every container, and Python would take
# ten times as long. `docker inspect` shows the response of a process that is not ready.
HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT; printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3; \
     read -r _ status _ <&3; [[ $status = 200 ]] || { cat <&3; exit 1; }"]
# The command is a module: services.email, services.email.migrate, shared.topology.
ENTRYPOINT ["python", "-m"]
