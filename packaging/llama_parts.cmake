# Included by CMake right after `project(llama.cpp)`, see llama_build.py.
# llama-cpp-python forces this on, but only llama.cpp's own programs use that library, and it is half of the build.
set(LLAMA_BUILD_COMMON OFF)
