// Runs the targets without libFuzzer: over files, over made ones, and over damage to all of them.
//
// What a run ends with is kept as `bad-input`, in the present folder.
//
//   standalone [--mutations N] [--threads N] [--write FOLDER] [FILE OR FOLDER ...]

#include <sanitizer/common_interface_defs.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "seeds.h"
#include "targets.h"

namespace {

using fastdata::fuzz::Choices;
using File = std::vector<std::uint8_t>;
namespace fs = std::filesystem;

struct Settings {
    int mutations = 1000;  ///< Of all files together.
    int threads = 1;       ///< That run targets at the same time.
    std::string write;     ///< Where the made files go, instead of a run.
    std::vector<File> files = fastdata::fuzz::seeds();
};

thread_local const File* current = nullptr;

void keep_current() {
    if (!current) return;
    std::ofstream stream("bad-input", std::ios::binary);
    stream.write(reinterpret_cast<const char*>(current->data()),
                 static_cast<std::streamsize>(current->size()));
}

void check(const File& file) {
    current = &file;
    fastdata::fuzz::check_all({file.data(), file.size()});
    current = nullptr;
}

File read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return File(std::istreambuf_iterator<char>(stream), {});
}

void add(const fs::path& path, std::vector<File>& files) {
    if (!fs::is_directory(path)) return files.push_back(read(path));
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(read(entry.path()));
    }
}

Settings settings_of(int count, char** arguments) {
    Settings settings;
    for (int i = 1; i < count; ++i) {
        const std::string name = arguments[i];
        const bool has_value = i + 1 < count;
        if (name == "--mutations" && has_value) {
            settings.mutations = std::atoi(arguments[++i]);
        } else if (name == "--threads" && has_value) {
            settings.threads = std::atoi(arguments[++i]);
        } else if (name == "--write" && has_value) {
            settings.write = arguments[++i];
        } else {
            add(name, settings.files);
        }
    }
    return settings;
}

/// A file with some bytes replaced, put in, taken out or cut off; headers and markers more than
/// others.
File damaged(File file, Choices& choices) {
    for (int i = choices.between(1, 4); i > 0 && file.size() > 4; --i) {
        const int size = static_cast<int>(file.size());
        const int at = choices.below(choices.one_in(2) ? size : std::min(size, 700));
        const auto place = file.begin() + at;
        const auto value = static_cast<std::uint8_t>(choices.below(256));
        switch (choices.below(6)) {
            case 0:
                *place ^= static_cast<std::uint8_t>(1 << choices.below(8));
                break;
            case 1:
                *place = value;
                break;
            case 2:
                file.insert(place, {0xFF, value});
                break;
            case 3:
                file.erase(place, place + std::min(choices.between(1, 40), size - at));
                break;
            case 4:
                if (at + 1 < size) *place = 0xFF, place[1] = value;
                break;
            default:
                if (choices.one_in(4)) file.resize(static_cast<std::size_t>(at) + 1);
        }
    }
    return file;
}

void run(const Settings& settings, std::atomic<int>& next) {
    const int files = static_cast<int>(settings.files.size());
    for (int i = next.fetch_add(1); i < files + settings.mutations; i = next.fetch_add(1)) {
        const File& file = settings.files[static_cast<std::size_t>(i % files)];
        if (i < files) {
            check(file);
            continue;
        }
        const auto* number = reinterpret_cast<const std::uint8_t*>(&i);
        Choices choices({number, sizeof i});
        check(damaged(file, choices));
    }
}

void write(const Settings& settings) {
    fs::create_directories(settings.write);
    for (std::size_t i = 0; i < settings.files.size(); ++i) {
        std::ofstream stream(fs::path(settings.write) / std::to_string(i), std::ios::binary);
        stream.write(reinterpret_cast<const char*>(settings.files[i].data()),
                     static_cast<std::streamsize>(settings.files[i].size()));
    }
}

}  // namespace

int main(int count, char** arguments) {
    const Settings settings = settings_of(count, arguments);
    if (!settings.write.empty()) return write(settings), 0;
    std::signal(SIGABRT, [](int) { keep_current(); });
    __sanitizer_set_death_callback(keep_current);
    std::atomic<int> next{0};
    std::vector<std::thread> others;
    for (int i = 1; i < settings.threads; ++i) {
        others.emplace_back([&] { run(settings, next); });
    }
    run(settings, next);
    for (std::thread& thread : others) thread.join();
    std::printf("%zu files and %d mutations: every promise held\n", settings.files.size(),
                settings.mutations);
}
