# The app alone: the record and the read models live in the servers that docker-compose.yml starts beside it.
FROM node:24-bookworm-slim
ENV NODE_ENV=development
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force
COPY bin ./bin
COPY src ./src
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
CMD ["node", "bin/emberlog.js", "serve"]
