# reslint in an image: docker run --rm --volume "$PWD:/models:ro" reslint check .
FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE /source/
COPY reslint /source/reslint
COPY rules /source/rules
RUN python -m venv /opt/reslint && /opt/reslint/bin/pip install --no-cache-dir --no-compile /source

FROM python:3.13-slim
COPY --from=build /opt/reslint /opt/reslint
RUN useradd --create-home reslint
USER reslint
ENV PATH=/opt/reslint/bin:$PATH
WORKDIR /models
ENTRYPOINT ["reslint"]
CMD ["check", "."]
