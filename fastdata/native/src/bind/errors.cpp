#include "../errors.h"

#include <exception>

#include "module.h"

namespace fastdata {

namespace {

void raise(const char* name, const std::exception& error) {
    PyErr_SetString(nanobind::module_::import_("fastdata.errors").attr(name).ptr(), error.what());
}

void translate(const std::exception_ptr& thrown, void*) {
    try {
        std::rethrow_exception(thrown);
    } catch (const BadInput& error) {
        raise("InputError", error);
    } catch (const Contradiction& error) {
        raise("PackCorrupt", error);
    }
}

}  // namespace

void bind_errors(nanobind::module_&) { nanobind::register_exception_translator(translate); }

}  // namespace fastdata
