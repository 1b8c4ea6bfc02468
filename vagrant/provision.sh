#!/usr/bin/env bash
# Makes a Debian 12 machine run one Kafka node and one ZooKeeper as services. Their jars come by Maven,
# since by its coordinates a release can be had for ever. Run again, it keeps the data and the jars.
# Each variable below may be given; with START=no nothing outside SERVICES_HOME and UNIT_FOLDER is
# touched, but Java and Maven must be there.
set -euo pipefail

SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
SERVICES_HOME=${SERVICES_HOME:-/opt/bitacora-services}
UNIT_FOLDER=${UNIT_FOLDER:-/etc/systemd/system}
LISTEN_ADDRESS=${LISTEN_ADDRESS:-0.0.0.0}
KAFKA_PORT=${KAFKA_PORT:-9092}
CONTROLLER_PORT=${CONTROLLER_PORT:-9093}
ZOOKEEPER_PORT=${ZOOKEEPER_PORT:-2181}
START=${START:-yes}

readonly SERVICES_USER=bitacora-services
readonly START_SECONDS_MAX=90

main() {
  if [ "$START" = yes ]; then
    install_packages
    add_user
  fi
  mkdir -p "$SERVICES_HOME/etc" "$SERVICES_HOME/data/zookeeper" "$UNIT_FOLDER"
  fetch_jars kafka
  fetch_jars zookeeper
  for file in server.properties zoo.cfg log4j2.xml; do
    fill_in "$file" "$SERVICES_HOME/etc/$file"
  done
  for file in kafka.service zookeeper.service; do
    fill_in "$file" "$UNIT_FOLDER/$file"
  done
  format_kafka
  if [ "$START" = yes ]; then
    chown -R "$SERVICES_USER:$SERVICES_USER" "$SERVICES_HOME/data"
    systemctl daemon-reload
    systemctl enable kafka zookeeper
    systemctl restart kafka zookeeper
    wait_for_port "$ZOOKEEPER_PORT"
    wait_for_port "$KAFKA_PORT"
    echo "Kafka answers on port $KAFKA_PORT, ZooKeeper on port $ZOOKEEPER_PORT"
  fi
}

install_packages() {
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    openjdk-17-jre-headless maven
}

add_user() {
  id "$SERVICES_USER" >/dev/null 2>&1 ||
    useradd --system --home-dir "$SERVICES_HOME" --no-create-home --shell /usr/sbin/nologin "$SERVICES_USER"
}

# The jars of the release that the pom names, in a folder under the service's name.
fetch_jars() {
  local pom="$SOURCE/$1.pom.xml" folder="$SERVICES_HOME/$1"
  if cmp --silent "$pom" "$folder/pom.xml"; then return; fi
  rm -rf "$folder" "$folder.new"
  mvn --quiet --batch-mode --file "$pom" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$folder.new"
  cp "$pom" "$folder.new/pom.xml"
  mv "$folder.new" "$folder"
}

fill_in() {
  sed -e "s|@HOME@|$SERVICES_HOME|g" -e "s|@USER@|$SERVICES_USER|g" \
    -e "s|@LISTEN_ADDRESS@|$LISTEN_ADDRESS|g" -e "s|@KAFKA_PORT@|$KAFKA_PORT|g" \
    -e "s|@CONTROLLER_PORT@|$CONTROLLER_PORT|g" -e "s|@ZOOKEEPER_PORT@|$ZOOKEEPER_PORT|g" \
    "$SOURCE/$1" >"$2"
}

# Once only: the id that is made here is the cluster's identity.
format_kafka() {
  if [ -e "$SERVICES_HOME/data/kafka/meta.properties" ]; then return; fi
  local id tool=(java -cp "$SERVICES_HOME/kafka/*" kafka.tools.StorageTool)
  id=$("${tool[@]}" random-uuid)
  "${tool[@]}" format --cluster-id "$id" --config "$SERVICES_HOME/etc/server.properties"
}

wait_for_port() {
  local port=$1 second
  for ((second = 0; second < START_SECONDS_MAX; second++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    sleep 1
  done
  echo "nothing answers on port $port after $START_SECONDS_MAX s" >&2
  journalctl --no-pager --lines 50 --unit kafka --unit zookeeper >&2 || true
  return 1
}

main
