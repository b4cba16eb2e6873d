#!/bin/sh
# Writes data/<flink version>/ anew with Flink's own serializers. It needs a JDK from 11 on, Maven
# and Maven Central. The result is the same each time, so `git diff` shows what Flink changed.
# Arguments: the Flink versions; without any, those that the tests expect.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- 1.20.5 2.0.1 2.2.1 2.3.0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for version in "$@"; do
    case $version in
        1.20.*) api=flink-1.20 ;;
        2.0.*) api=flink-2.0 ;;
        *) api=flink-2.1 ;; # as of 2.1 there are merged channel states
    esac
    mvn -q -B -f java/pom.xml -Dflink.version="$version" \
        dependency:build-classpath -Dmdep.outputFile="$work/classpath"
    classpath=$(cat "$work/classpath")
    javac -nowarn -Xlint:none -d "$work/$version" -cp "$classpath" \
        java/src/goldens/*.java "java/$api/goldens/Api.java"
    rm -rf "data/$version"
    mkdir -p "data/$version"
    java -cp "$work/$version:$classpath" goldens.Generate "data/$version" "$work"
done
