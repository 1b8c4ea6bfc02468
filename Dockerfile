# A node of Bitacora on Kafka and ZooKeeper:
#   docker run -e BROKER_LIST=kafka:9092 -e ZOOKEEPER_HOSTS=zookeeper:2181 -v bitacora:/data bitacora
# Every setting is a variable, or a flag after the image's name.

# The modules that run, the native ones compiled. Apart from the program, whose changes need no compiler.
FROM node:20-bookworm-slim AS modules
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    build-essential python3 pkg-config libssl-dev zlib1g-dev libzstd-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/bitacora
# The base image carries Node's headers: compiling downloads nothing.
ENV npm_config_nodedir=/usr/local
COPY package.json package-lock.json ./
# In two steps, since npm would run the project's own build as well, which is not here.
RUN npm ci --omit=dev --ignore-scripts && npm rebuild
COPY deploy/slim-modules.sh ./deploy/
RUN sh deploy/slim-modules.sh node_modules

FROM node:20-bookworm-slim AS build
WORKDIR /opt/bitacora
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY avro ./avro
COPY src ./src
RUN npm run build

FROM node:20-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g libzstd1 tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/bitacora
COPY package.json LICENSE ./
COPY avro ./avro
COPY --from=modules /opt/bitacora/node_modules ./node_modules
COPY --from=build /opt/bitacora/dist ./dist
COPY deploy/healthcheck.mjs ./deploy/
# The Kafka client is an optional dependency and leaves out what it finds no library for, silently:
# an image without it, or without TLS or zstd, must not come into being.
RUN node -e "require('rocksdb'); const { features } = require('node-rdkafka'); const missing = ['ssl', 'sasl_scram', 'lz4', 'snappy', 'zstd'].filter((each) => !features.includes(each)); if (missing.length > 0) throw new Error('the Kafka client lacks ' + missing)" \
  && node dist/main.js --version
RUN mkdir /data && chown 1000:1000 /data

ENV NODE_ENV=production \
  STORAGE=distributed \
  DATA_DIR=/data \
  UV_THREADPOOL_SIZE=16
VOLUME /data
EXPOSE 8082 8083
# The base image's user `node`, by number so that a cluster can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["node", "deploy/healthcheck.mjs"]
ENTRYPOINT ["/usr/bin/tini", "--", "node", "dist/main.js", "serve"]
