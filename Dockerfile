# The operator for a cluster, and the same program for everything else: `docker build -t fixpoint:0.1.0 .`
# test/system/dockerfile.test.ts runs these steps where there is no engine.

# Has the compiler that the one native dependency and the native spawner need; nothing of this stage is shipped but what
# the last one copies.
FROM node:22.21.1-bookworm AS build
WORKDIR /src
COPY package.json package-lock.json ./
# better-sqlite3 is compiled here, against the headers that come with node, never downloaded.
RUN export npm_config_build_from_source=true npm_config_nodedir="$(dirname "$(dirname "$(command -v node)")")" \
 && npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY crds crds
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:22.21.1-bookworm-slim
# Process 1 hands on signals and reaps what is left by programs that end before their children.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/fixpoint
COPY LICENSE package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=build /src/crds crds
ENV NODE_ENV=production
# By number, so that runAsNonRoot can be checked. It owns nothing here: what is installed cannot be changed.
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/fixpoint/dist/cli/main.js"]
CMD ["daemon", "--home", "cluster"]
