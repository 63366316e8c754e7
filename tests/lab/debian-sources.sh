# shellcheck shell=sh
# For what is made from Debian's own sources; sourced by build-hypervisor and build-kernel, which work in $tmp.
#   sources_of TYPE           the lists of bookworm, TYPE deb or deb-src, from where this machine's apt gets its packages
#   newest PACKAGE WORD…      has apt-get do WORD… to PACKAGE: to its newest version whose files are still there, as a
#                             mirror drops those of an update before its index says so

# shellcheck disable=SC2154 # $tmp is the caller's
debian_apt() {
    command=$1
    shift
    "$command" -q -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$tmp/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User=root "$@"
}

sources_of() {
    # shellcheck disable=SC2016 # the $(…) are apt's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v "type=$1" '$1 ~ /\/debian(-security)?\/?$/ && $3 == "main" && $2 ~ /^bookworm/ { print type, $1, $2, $3 }' |
        sort -u >"$tmp/sources.list"
    [ -s "$tmp/sources.list" ] || echo "$1 http://deb.debian.org/debian bookworm main" >"$tmp/sources.list"
    mkdir -p "$tmp/lists/partial"
    debian_apt apt-get update
}

newest() {
    package=$1
    shift
    for version in $(debian_apt apt-cache madison "$package" | awk '{ print $3 }' | sort -u -V -r); do
        if debian_apt apt-get "$@" "$package=$version"; then return; fi
    done
    return 1
}
