#!/bin/bash
# What a project on another machine gets: deploys everything into a folder, and runs java/examples/consumer with that
# folder as its repository and an empty local one: with Maven, and with Gradle, which may be as old as Debian's 4.4, and
# JBang where they are installed. Arguments go to the deployment, such as -Dnative.preset=portable or -Pplatforms.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${MAGNET_MODEL:-$(scripts/fetch-model.sh)}
adapter=$PWD/adapters/SmolLM2-135M-Instruct.magnet.gguf
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mvn -q -B deploy -DskipTests -Dmaven.install.skip=true -Dnative.targets="magnet magnet_cli" \
    -DaltDeploymentRepository="folder::file://$folder/repository" "$@"
for artifact in magnet magnet-bindings magnet-natives magnet-platform magnet-bom magnet-parent magnet-java; do
    [ -d "$folder/repository/dev/magnet/$artifact" ] || { echo "$artifact was not deployed" >&2; exit 1; }
done

cat > "$folder/settings.xml" <<END
<settings>
  <profiles>
    <profile>
      <id>folder</id>
      <repositories>
        <repository><id>folder</id><url>file://$folder/repository</url></repository>
      </repositories>
    </profile>
  </profiles>
  <activeProfiles><activeProfile>folder</activeProfile></activeProfiles>
</settings>
END
cp -r java/examples/consumer "$folder/consumer"
echo "With Maven:"
mvn -q -B -gs "$folder/settings.xml" -Dmaven.repo.local="$folder/m2" -f "$folder/consumer/pom.xml" \
    compile exec:exec -Dmodel="$model" -Dadapter="$adapter"

if command -v gradle > /dev/null; then
    printf "\n\nWith Gradle:\n"
    java=$(python3 -c 'import sys; sys.path.insert(0, "scripts"); import jdk; print(jdk.find_java() or "java")')
    version=$(sed -n 's/.*magnet-platform:\([^'"'"']*\).*/\1/p' "$folder/consumer/build.gradle")
    mkdir "$folder/gradle"
    cat > "$folder/gradle/build.gradle" <<END
apply plugin: 'java'
repositories { maven { url 'file://$folder/repository' } }
dependencies { implementation 'dev.magnet:magnet-platform:$version' }
task classpath { doLast { println configurations.runtimeClasspath.asPath } }
END
    classpath=$(cd "$folder/gradle" &&
        gradle --no-daemon --offline --quiet --gradle-user-home "$folder/gradle/home" classpath | tail -1)
    "$java" --enable-native-access=ALL-UNNAMED -cp "$classpath" "$folder/consumer/src/main/java/First.java" "$model" "$adapter"
else
    echo "Gradle is not installed: not tried"
fi

if command -v jbang > /dev/null; then
    printf "\n\nWith JBang:\n"
    JBANG_DIR=$folder/jbang JBANG_REPO=$folder/jbang/m2 jbang --repos "magnet=file://$folder/repository" \
        story-filler "$model" "$adapter" "Tom lost his keys. {{gap:8}} At last he could sleep in his own bed."
else
    echo "JBang is not installed: not tried"
fi
