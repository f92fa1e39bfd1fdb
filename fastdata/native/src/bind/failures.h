#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <vector>

#include "../failures.h"

namespace fastdata {

/// Position, kind and message of each failure.
inline nanobind::list listed(const std::vector<Failure>& failures) {
    nanobind::list result;
    for (const Failure& failure : failures) {
        result.append(nanobind::make_tuple(failure.position, static_cast<int>(failure.kind),
                                           failure.message));
    }
    return result;
}

}  // namespace fastdata
