# Two stages: compilers and development dependencies stay behind. Nothing in the second stage needs its shell or npm.
# The first runs on the builder's own platform and fetches the addons of the target's, so that no emulation is needed.
FROM --platform=${BUILDPLATFORM:-linux} node:24-bookworm-slim AS build
WORKDIR /src
ENV NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build
ARG TARGETARCH
# Docker's word for npm's x64 is amd64. Without BuildKit TARGETARCH is empty and the builder's own platform is meant.
RUN cpu=$(echo "${TARGETARCH}" | sed 's/^amd64$/x64/') \
 && npm ci --omit=dev --ignore-scripts ${cpu:+--os=linux --cpu=$cpu --libc=glibc}

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY page ./page
COPY schemas ./schemas
COPY package.json LICENSE ./
# A number, because Kubernetes' runAsNonRoot cannot check a name.
USER 65532:65532
# 5557 takes the engines' events, 8080 answers probes, /metrics and the live page.
EXPOSE 5557 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "-e", \
  "const p=process.env.HTTP_PORT||8080;if(p==='off')process.exit(0);fetch('http://127.0.0.1:'+p+'/livez').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["run"]
