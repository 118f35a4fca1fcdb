# One image for the services init, gateway, web and sim: the command is the entry point.
FROM python:3.13-slim AS build
WORKDIR /build
COPY Makefile pyproject.toml uv.lock ./
# The same road as `make setup`: uv at the Makefile's version turns the lock into a list with hashes, and
# installs that from whatever index the build has. The lock names no address, and neither does this file.
RUN python -m venv /opt/uv && /opt/uv/bin/pip install -q "uv==$(sed -n 's/^UV_VERSION := //p' Makefile)"
RUN python -m venv --without-pip /opt/hoiquan \
 && /opt/uv/bin/uv export -q --frozen --no-emit-project --no-default-groups -o requirements.txt \
 && /opt/uv/bin/uv pip install -q --no-cache --python /opt/hoiquan/bin/python --compile-bytecode \
    --require-hashes -r requirements.txt
# The sources go beside the environment, not through a build backend, which no lock would pin.
COPY hoiquan.py /app/
COPY devices /app/devices
COPY gateway /app/gateway
COPY traceability /app/traceability
COPY dashboards /app/dashboards
COPY sim /app/sim
RUN python -m compileall -q /app && chmod -R a+rX /app \
 && printf '#!/opt/hoiquan/bin/python\nfrom hoiquan import main\n\nmain()\n' > /opt/hoiquan/bin/hoiquan \
 && chmod 755 /opt/hoiquan/bin/hoiquan

FROM python:3.13-slim
COPY --from=build /opt/hoiquan /opt/hoiquan
COPY --from=build /app /app
# 1883 is the user of the mosquitto image: the broker's password file is readable by its owner alone, and
# is written here and read there. A new volume takes its owner from the folder it covers.
RUN groupadd -g 1883 hoiquan && useradd -u 1883 -g 1883 -M -s /usr/sbin/nologin hoiquan \
 && install -d -o 1883 -g 1883 -m 700 /data /accounts /tokens/writer \
 && install -d -o 1883 -g 1883 -m 755 /tokens/reader
ENV PATH=/opt/hoiquan/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOIQUAN_DATA=/data
USER 1883:1883
ENTRYPOINT ["hoiquan"]
