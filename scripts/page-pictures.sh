#!/usr/bin/env bash
# Takes the pictures of docs/server.md anew, by the test of the page in a browser. Needs what "mvn package -DskipTests" builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mvn -q -pl bindings,java/withers,java/magnet,java/natives,java/server package \
    -Dtest='PageTest#axeFindsNothingSerious' -Dsurefire.failIfNoSpecifiedTests=false
cp java/server/target/pictures/page-{light,dark}.png docs/img/
