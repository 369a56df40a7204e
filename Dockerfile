# Runs the demo: `docker build --tag redwood . && docker run --rm --volume "$PWD/runs:/redwood/runs" redwood`.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /redwood
COPY . .
RUN make install
CMD ["make", "demo"]
