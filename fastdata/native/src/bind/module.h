#pragma once

#include <nanobind/nanobind.h>

namespace fastdata {

void bind_errors(nanobind::module_& module);
void bind_batch(nanobind::module_& module);
void bind_streams(nanobind::module_& module);
void bind_jpeg_batch(nanobind::module_& module);
void bind_memory(nanobind::module_& module);
void bind_random(nanobind::module_& module);
void bind_place(nanobind::module_& module);
void bind_decode(nanobind::module_& module);

}  // namespace fastdata
